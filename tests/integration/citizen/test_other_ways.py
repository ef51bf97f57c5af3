"""News without an address: feeds and the city's chat channels."""

from __future__ import annotations

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


def test_a_feed_needs_no_address_and_its_address_works(person: Person) -> None:
    page = person.choose(topics=["spor", "ulasim"], way="feed")
    addresses = re.findall(r'<input[^>]* value="(http[^"]+)" readonly>', page.text)
    assert [address.rpartition("/")[2] for address in addresses] == ["ulasim.rss", "spor.rss"]
    for address in addresses:
        path = address.removeprefix("http://localhost:8080")
        assert person.client.get(path).mimetype == "application/rss+xml"
    assert page.text.count('<svg class="qr"') == 2
    assert page.text.count("<title id=") == 2
    assert 'name="email"' not in page.text


def test_the_feeds_of_every_single_topic_are_still_a_light_page(person: Person) -> None:
    topics = re.findall(r'name="topics" value="([\w-]+)"', person.open("/subscribe").text)
    page = person.choose(topics=[topic for topic in topics if topic != "all"], way="feed")
    assert page.text.count('<svg class="qr"') == len(topics) - 1 > 20
    assert len(page.data) < 80_000


@pytest.mark.parametrize(("places", "says"), [("konak", True), ("all", False)])
def test_a_feed_says_that_it_knows_no_districts(person: Person, places: str, says: bool) -> None:
    page = person.choose(places=places, way="feed")
    assert ("ilçelere göre daraltılamıyor" in page.text) is says


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
