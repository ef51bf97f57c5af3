"""Every feed that is served is valid, whatever stands in it.

By our own rules always; by the W3C's where TELLAL_FEEDVALIDATOR names a checkout of its validator.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from service.db import utcnow
from service.feeds.conditions import Asked
from service.feeds.formats import WRITERS, Format
from service.feeds.keys import FeedKey
from service.feeds.routes import EXTENSION
from service.models import Revision
from tests.feed_rules import findings
from tests.feed_rules.w3c import w3c_findings

BASE = "http://localhost:8080/feeds"
HOSTILE = {
    "title": "]]> &nbsp; \x01\x0b\ufffe <b>kalın</b> &amp; 🌊 \u202eters",
    "summary": "</item></entry> &#1; \x1f",
    "body_html": '<p>]]> &nbsp;&#0;&#xD800; 🌊<a href="java&#1;script:x">a</a>'
    '<img src="/b ş.png"><script>x</script><a href="https://ayse@a.example:99999/">b</a>\x02',
    "url": "https://www.example.bel.tr:99999/\x01 ş\"'<>",
    "image": {"url": "https://şehir.example/a b.png", "alt": '"\x01<'},
}


@pytest.fixture
def served(client):
    """The feed of everything, up to so many entries, in a format."""

    def served(wanted: Format, limit: int | None = None) -> bytes:
        if limit is None:
            answer = client.get(f"/feeds/all.{wanted}")
            assert answer.status_code == 200
            assert answer.mimetype == WRITERS[wanted].MEDIA_TYPE
            return answer.data
        serving = client.application.extensions[EXTENSION]
        serving.composer.limit = limit
        version = serving.look_up(f"/feeds/all.{wanted}", FeedKey(), wanted)
        return serving.answer(version, Asked(), lambda: None).body

    return served


@pytest.fixture
def is_valid(served, runtime):
    """Texts came in a second apart: the W3C warns of entries that were updated in the same one."""

    def is_valid(limit: int | None = None) -> None:
        with runtime.db.write() as session:
            for revision in session.scalars(select(Revision)):
                revision.created_at = utcnow() - timedelta(seconds=revision.id)
        for wanted in Format:
            body = served(wanted, limit)
            assert findings(body) == []
            assert w3c_findings(body, f"{BASE}/all.{wanted}") == []

    return is_valid


def test_an_empty_feed_is_valid(is_valid):
    is_valid()


def test_a_feed_of_one_entry_is_valid(is_valid, publish):
    publish(places=("bornova",))
    is_valid()


def test_a_feed_of_fifty_entries_is_valid(is_valid, publish, served):
    for number in range(50):
        publish(
            age_h=number, title=f"Haber {number}: ığüşöç", language="tr" if number % 2 else "en"
        )
    is_valid(50)
    assert served(Format.RSS, 50).count(b"<item>") == 50


def test_a_feed_of_what_was_withdrawn_is_valid(is_valid, publish, withdraw):
    for number in range(3):
        withdraw(publish(age_h=2 * number, language=("tr", "en", "ar")[number]))
        publish(age_h=2 * number + 1)
    is_valid()


def test_a_feed_with_a_hostile_article_is_valid(is_valid, publish):
    publish(**HOSTILE)
    publish(title="", summary="", body_html="", body_text="", url="")
    publish(title="İyi")
    is_valid()


def test_a_feed_with_the_longest_text_is_valid(is_valid, publish):
    publish(
        body_html="<p>" + "Uzun bir cümle &amp; bir başka. " * 6_000 + "</p>", summary="ı" * 1_000
    )
    is_valid()
