"""What two of the staff do in the same moment."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import select, update

from service.db import utcnow
from service.models import Channel, Delivery, DeliveryState
from service.subscriptions import channel_acts, channels, webhook_keys, webhook_replay
from service.subscriptions.channel_error import ChannelError

ROOM = "-1001234567"
TOKENS = ("123456789:abcdefg_hijklmnop", "987654321:abcdefg_hijklmnop")


def at_once(count: int, act: Callable[[int], object]) -> list[object]:
    """What each of so many threads got, or its sentence."""
    gate, said = threading.Barrier(count), list[object]()

    def run(number: int) -> None:
        gate.wait()
        try:
            said.append(act(number))
        except ChannelError as error:
            said.append(error.text)
        except Exception as error:
            said.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return said


def test_a_room_is_added_once_however_it_is_spelt_and_the_others_hear_why(runtime, settings):
    def add(number: int) -> str:
        end = ("", "/", "?preview=yes")[number % 3]
        url = f"tgram://{TOKENS[number % 2]}/{ROOM}{end}"
        with runtime.db.write() as session:
            at = (session, runtime.vault, settings, None)
            channel_acts.add(*at, name=f"Kanal {number}", url=url, topics=[])
        return "added"

    said = at_once(8, add)

    assert said.count("added") == 1
    assert set(said) <= {
        "added",
        "There is a channel with this address already.",
        "The channel %(name)s is in this room already: it would be told all twice.",
    }


def test_an_event_is_replayed_once_however_many_ask(runtime, town):
    town.channel("webhook+http://127.0.0.1:1/hook")
    with runtime.db.write() as session:
        channel = session.scalars(select(Channel)).one()
        channel.scheme = "webhook"
        webhook_keys.make(session, runtime.vault, None, channel, utcnow())
    for _ in range(3):
        town.planned()
    with runtime.db.write() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT, settled_at=utcnow()))

    def replay(_: int) -> int:
        with runtime.db.write() as session:
            found = channels.channel_of(session, channel.id, lock=True)
            assert found is not None
            since = utcnow() - timedelta(hours=1)
            at = (session, runtime.vault, None, found)
            return len(webhook_replay.replay(*at, since=since).batches)

    assert Counter(at_once(6, replay)) == {3: 1, 0: 5}
