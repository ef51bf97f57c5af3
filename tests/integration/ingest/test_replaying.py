"""Failed events that are read again: each counts as of when it came, not as of now."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import update

from service import migrations
from service.db import utcnow
from service.models import Article, InboxEvent, PullKind, Revision, Source, Staff, Verdict
from tests.integration.conftest import Cms
from tests.integration.ingest.pulled import item, rss
from tests.integration.town import TITLE

HOST, WRONG = "www.example.bel.tr", "wrong.example"
URL = f"https://{HOST}/haber/1"


@pytest.fixture
def page(client, add_source, town) -> Callable[..., Any]:
    """Posts a page that gives no times to a source whose host is wrong, so that it fails."""
    town.reader()
    cms = Cms(client, "kent", add_source("kent", preset="json-ld", hosts=[WRONG]))

    def page(text: str = "Sera gazı ve karbon salımı azalacak.", **fields: Any) -> str:
        node = {"@type": "NewsArticle", "identifier": "1", "url": URL, "headline": TITLE}
        body = json.dumps(node | {"articleBody": text} | fields).encode()
        return cms.post_raw(body).json["status"]

    return page


@pytest.fixture
def hosts(runtime) -> Callable[..., None]:
    """Says where the source publishes."""

    def hosts(*names: str) -> None:
        with runtime.db.write() as session:
            session.execute(update(Source).values(hosts=list(names)))

    return hosts


@pytest.fixture
def mend(hosts) -> Callable[[], None]:
    """Corrects the host."""
    return lambda: hosts(HOST, "127.0.0.1")


@pytest.fixture
def after(work, clock) -> Callable[[], None]:
    """Does all the work of the next hours."""

    def after() -> None:
        work()
        clock.advance(hours=3)
        work()

    return after


def shown(town) -> tuple[str, str]:
    """The one article's state and text."""
    (article,) = town.all(Article)
    return article.state, town.get(Revision, article.revision_id).body_text


def verdicts(town) -> list[Verdict]:
    return [row.verdict for row in sorted(town.all(InboxEvent), key=lambda row: row.id)]


def test_an_event_that_failed_is_told_once_its_source_is_mended(
    page, mend, town, tellal, after, full_audit
):
    assert page() == "quarantined"
    mend()
    said = tellal("source", "replay", "kent")
    after()

    assert said.splitlines()[-1] == "1 failed events of kent were read again."
    assert verdicts(town) == [Verdict.ACCEPTED]
    assert town.mails().total() == 1
    assert tellal("source", "replay", "kent") == "0 failed events of kent were read again.\n"


def test_a_replay_does_not_undo_what_came_later(page, mend, town, tellal, after):
    page("Eski metin, karbon.")
    mend()
    assert page("Yeni metin, karbon.") == "accepted"
    after()
    said = tellal("source", "replay", "kent")
    after()

    assert "UTC: ignored: a later event of its article was applied\n" in said
    assert shown(town) == ("published", "Yeni metin, karbon.")


def test_a_replay_does_not_revive_what_was_withdrawn(page, mend, town, tellal, after):
    page()
    mend()
    assert page(creativeWorkStatus="Withdrawn") == "accepted"
    said = tellal("source", "replay", "kent")
    after()

    assert "a later event of its article was applied" in said
    (article,) = town.all(Article)
    assert (article.state, town.mails().total()) == ("withdrawn", 0)


def test_a_later_event_that_changed_nothing_counts_too(page, hosts, mend, town, tellal, after):
    mend()
    page("Yeni metin, karbon.")
    hosts(WRONG)
    page("Eski metin, karbon.")
    mend()
    assert page("Yeni metin, karbon.") == "unchanged"
    tellal("source", "replay", "kent")
    after()

    assert shown(town) == ("published", "Yeni metin, karbon.")


def test_staff_withdrew_it_after_the_event_came(page, hosts, mend, town, tellal, runtime):
    with runtime.db.write() as session:
        session.add(Staff(email="editor@example.org", fs_uniquifier="1"))
    mend()
    page("İlk metin, karbon.")
    hosts(WRONG)
    page("İkinci metin, karbon.")
    mend()
    (article,) = town.all(Article)
    tellal("article", "withdraw", str(article.id), "--staff", "editor@example.org")
    tellal("source", "replay", "kent")

    assert shown(town)[0] == "withdrawn"


def test_a_poll_brought_newer_words(page, hosts, mend, town, tellal, pulled, site):
    pulled.slug = "kent"
    mend()
    pulled.configure(PullKind.FEED, "/rss")
    site.put("/rss", rss(item(1, "İlk", "<p>İlk metin, karbon.</p>")), "application/rss+xml")
    pulled.poll()
    hosts(WRONG)
    page("İkinci metin, karbon.", url=site.url("/haber/1"))
    mend()
    site.put("/rss", rss(item(1, "Üç", "<p>Üçüncü metin, karbon.</p>")), "application/rss+xml")
    pulled.poll()
    tellal("source", "replay", "kent")

    assert shown(town) == ("published", "Üçüncü metin, karbon.")


def test_events_are_read_again_in_the_order_in_which_they_came(page, mend, town, tellal, after):
    for text in ("Birinci metin, karbon.", "İkinci metin, karbon.", "Üçüncü metin, karbon."):
        page(text)
    page(creativeWorkStatus="Withdrawn")  # shows no address, so that its host is not looked at
    page("Son metin, karbon.")
    mend()
    lines = tellal("source", "replay", "kent").splitlines()
    after()

    assert [line.rpartition(": ")[2] for line in lines[:3]] == [
        "a later event of its article was applied"
    ] * 3
    assert lines[3].endswith("UTC: accepted")
    assert shown(town) == ("published", "Son metin, karbon.")
    assert town.mails().total() == 1


def test_what_came_over_two_days_ago_is_shown_and_nobody_is_told(
    page, mend, town, tellal, after, clock
):
    page(datePublished=(utcnow() + timedelta(hours=40)).isoformat())
    clock.advance(hours=49)
    mend()
    said = tellal("source", "replay", "kent")
    after()

    assert "UTC: accepted: received too long ago: nobody is told\n" in said
    assert shown(town)[0] == "published"
    assert town.mails().total() == 0
    (article,) = town.all(Article)
    assert article.feed_seq is not None


def test_an_event_without_times_is_as_old_as_its_arrival(page, mend, town, tellal, clock):
    page()
    (event,) = town.all(InboxEvent)
    clock.advance(hours=40)
    mend()
    tellal("source", "replay", "kent")

    (article,) = town.all(Article)
    assert article.published_at == article.source_updated_at == event.received_at


def test_a_paused_source_is_not_replayed(page, town, runtime, tellal):
    page()
    with runtime.db.write() as session:
        session.execute(update(Source).values(is_paused=True))
    with pytest.raises(AssertionError, match="kent is paused"):
        tellal("source", "replay", "kent")

    assert verdicts(town) == [Verdict.FAILED]


def test_an_upgrade_knows_when_articles_were_last_heard_of(page, mend, town, runtime):
    mend()
    page("Birinci metin, karbon.")
    page("İkinci metin, karbon.")
    *_, last = sorted(town.all(InboxEvent), key=lambda row: row.id)
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    with runtime.db.engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")
        command.upgrade(config, "head")
        connection.commit()

    (article,) = town.all(Article)
    assert article.heard_at == last.received_at
