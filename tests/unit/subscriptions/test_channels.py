"""A channel is stored sealed, verified and unique, or not at all."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, update

from service.db import utcnow
from service.ledger.halts import pause, resume
from service.models import Channel, Destination, DestinationKind, HaltScope, Subscription
from service.runtime import Runtime
from service.subscriptions import channels
from service.subscriptions.channels import ChannelError, add_channel

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

URL = "json://127.0.0.1:9/secret-path?verify=no&+X-Token=very-secret"


def add(runtime: Runtime, name: str = "Genel", url: str = URL, topics: tuple[str, ...] = ()) -> int:
    with runtime.db.write() as session:
        channel = add_channel(
            session,
            runtime.vault,
            runtime.settings,
            name=name,
            url=url,
            topic_slugs=list(topics),
        )
        return channel.id


def rows(runtime: Runtime) -> tuple[int, int, int]:
    with runtime.db.read() as session:
        counted = [
            session.scalar(select(func.count()).select_from(model))
            for model in (Channel, Destination, Subscription)
        ]
    return counted[0] or 0, counted[1] or 0, counted[2] or 0


def test_a_channel_is_sealed_verified_and_subscribed(runtime: Runtime) -> None:
    channel_id = add(runtime, topics=("ulasim", "su-kanal"))
    with runtime.db.read() as session:
        channel = session.get_one(Channel, channel_id)
        destination = channels.destination_of(session, channel_id)
    assert destination is not None
    assert destination.kind == DestinationKind.CHAT
    assert destination.verified_at is not None
    assert destination.address == ""
    assert destination.lane == channel.scheme == "json"
    assert channel.masked_url == "json://127.0.0.1/***"
    assert "secret" not in channel.sealed_url
    opened = runtime.vault.decrypt(channel.sealed_url)
    assert opened == "json://127.0.0.1:9/secret-path?+X-Token=very-secret"
    assert rows(runtime) == (1, 1, 2)


def test_no_topics_means_all_of_them(runtime: Runtime) -> None:
    add(runtime)
    with runtime.db.read() as session:
        assert session.scalars(select(Subscription)).one().topic_id is None


@pytest.mark.parametrize(
    ("name", "url", "topics", "says"),
    [
        ("", URL, (), "name"),
        ("x" * 101, URL, (), "name"),
        ("Oda", "json://10.0.0.1/", (), "internal"),
        ("Oda", URL, ("no-such-topic",), "no-such-topic"),
        ("Oda", "ntfy://ntfy.example.com/a/b", (), "one room"),
    ],
)
def test_what_is_refused_leaves_nothing(
    runtime: Runtime, name: str, url: str, topics: tuple[str, ...], says: str
) -> None:
    with pytest.raises(ChannelError, match=says):
        add(runtime, name, url, topics)
    assert rows(runtime) == (0, 0, 0)


def test_names_and_addresses_are_unique(runtime: Runtime) -> None:
    add(runtime)
    with pytest.raises(ChannelError, match="Genel"):
        add(runtime, url="json://127.0.0.1:9/other")
    with pytest.raises(ChannelError, match="in this room already"):
        add(runtime, name="Başka")
    assert rows(runtime) == (1, 1, 1)


def test_pausing_and_resuming_each_happen_once(runtime: Runtime) -> None:
    channel_id = add(runtime)
    with runtime.db.write() as session:
        assert pause(session, HaltScope.CHANNEL, channel_id, "bakım", None, utcnow())
        assert not pause(session, HaltScope.CHANNEL, channel_id, "başka", None, utcnow())
        assert channels.paused(session) == {channel_id: "bakım"}
        assert resume(session, HaltScope.CHANNEL, channel_id, utcnow())
        assert not resume(session, HaltScope.CHANNEL, channel_id, utcnow())
        assert channels.paused(session) == {}


def test_resuming_a_channel_that_paused_itself_says_that_it_is_mended(runtime: Runtime) -> None:
    channel_id = add(runtime)
    with runtime.db.write() as session:
        session.execute(update(Channel).values(is_paused=True, pause_reason="404"))
        assert channels.paused(session) == {channel_id: "404"}
        assert resume(session, HaltScope.CHANNEL, channel_id, utcnow())
        assert channels.paused(session) == {}
