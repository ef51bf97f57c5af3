"""News without an address: feeds and the city's chat channels."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import update

from service.models import Channel
from service.runtime import Runtime
from service.subscriptions.channel_acts import change
from service.subscriptions.channels import (
    ChannelError,
    add_channel,
    channel_named,
    checked_public_url,
)

Person = Any


def feeds(page: Any) -> list[str]:
    """The addresses that a page offers, as a reader takes them."""
    found = re.findall(r'<input[^>]* value="(http[^"]+)" readonly>', page.text)
    assert page.text.count('<svg class="qr"') == page.text.count("<title id=") == len(found)
    return [html.unescape(one).removeprefix("http://localhost:8080/feeds/") for one in found]


@pytest.mark.parametrize(
    ("choices", "feed"),
    [
        ({"topics": ["spor", "ulasim"], "places": "bornova"}, "spor+ulasim@bornova"),
        ({"topics": "spor", "places": ["konak", "bornova"]}, "spor@bornova+konak"),
        ({"topics": "spor", "places": "konak", "city_news": ""}, "spor@~konak"),
        ({"places": "konak"}, "all@konak"),
        ({"topics": ["spor"], "city_news": ""}, "spor"),
        ({}, "all"),
    ],
)
def test_one_feed_brings_all_that_was_chosen(person: Person, choices: Any, feed: str) -> None:
    page = person.choose(**choices, way="feed")
    assert feeds(page) == [f"{feed}.rss"]
    assert 'name="email"' not in page.text
    for suffix, kind in (("rss", "rss+xml"), ("atom", "atom+xml"), ("json", "feed+json")):
        assert f"/feeds/{feed}.{suffix}" in page.text
        answer = person.client.get(f"/feeds/{feed}.{suffix}")
        assert (answer.status_code, answer.mimetype) == (200, f"application/{kind}")


def test_more_than_one_feed_joins_comes_as_few(person: Person) -> None:
    first = person.open("/subscribe").text
    topics = [one for one in re.findall(r'name="topics" value="([\w-]+)"', first) if one != "all"]
    page = person.send(person.open("/subscribe"), topics="all").text
    places = [one for one in re.findall(r'name="places" value="([\w-]+)"', page) if one != "all"]
    page = person.choose(topics=topics, places=places, way="feed")
    found = [one.removesuffix(".rss").partition("@") for one in feeds(page)]
    assert {slug for of_topics, _, _ in found for slug in of_topics.split("+")} == set(topics)
    assert {s for _, _, w in found for s in w.removeprefix("~").split("+")} == set(places)
    once = [of_topics for of_topics, _, where in found if not where.startswith("~")]
    assert len(once) == len(set(once)) == -(-len(topics) // 12)
    assert len(found) == len(once) * -(-len(places) // 6)
    assert "en çok 12 konu ile 6 ilçeyi" in page.text
    assert len(page.data) < 120_000
    for address in feeds(page):
        assert person.client.get(f"/feeds/{address}").status_code == 200


def test_whoever_comes_back_from_a_feed_may_take_email(person: Person) -> None:
    page = person.send(person.choose(way="feed"), go="how")
    assert re.search(r'value="feed" id="how-feed" checked', page.text)
    assert 'id="email"' in person.send(page, way="email").text


def test_whoever_changes_to_a_feed_at_the_end_gets_it(person: Person) -> None:
    page = person.send(person.fill_in("ayse@example.com"), go="how")
    page = person.send(page, way="feed")
    assert '<svg class="qr"' in page.text
    page = person.send(person.send(page, go="how"), way="email")
    assert "ayse@example.com" in page.text


@pytest.fixture
def channel(runtime: Runtime) -> str:
    with runtime.db.write() as session:
        add_channel(
            session,
            runtime.vault,
            runtime.settings,
            name="Haber kanalı",
            url="json://127.0.0.1:9/secret",
            topic_slugs=[],
            public_url="https://t.me/ornek",
        )
    return "Haber kanalı"


def test_chat_is_offered_where_the_city_has_a_channel_that_anyone_can_join(
    runtime: Runtime, person: Person, channel: str
) -> None:
    page = person.choose(way="chat")
    assert "kendi sohbetiniz" not in page.text.casefold()  # the city sends to none
    assert f'href="https://t.me/ornek" rel="noopener">{channel}' in page.text
    assert "secret" not in page.text
    assert 'id="email"' in person.send(page, go="address").text
    with runtime.db.write() as session:
        session.execute(update(Channel).values(is_paused=True))
    page = person.send(person.send(person.open("/subscribe"), topics="all"), places="all")
    assert 'id="how-chat"' not in person.send(page, frequency="daily").text


@pytest.mark.parametrize(
    "url",
    [
        "http://t.me/x",
        "javascript:alert(1)",
        "https://",
        "https://a:b@t.me/x",
        "https://t.me/a b",
        "https://t.me/" + "x" * 500,
        "https://[t.me",
        "https://t.me/\u202e",
    ],
)
def test_a_public_address_is_one_of_the_web(url: str) -> None:
    with pytest.raises(ChannelError, match="begins with https"):
        checked_public_url(url)


def test_a_channel_can_be_hidden_again(runtime: Runtime, person: Person, channel: str) -> None:
    with runtime.db.write() as session:
        row = channel_named(session, channel)
        change(session, runtime.vault, runtime.settings, None, row, public_url="")
        with pytest.raises(ChannelError, match="no channel"):
            channel_named(session, "Başka")
    assert "t.me" not in person.choose(way="chat").text
