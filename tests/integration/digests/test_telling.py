"""What a digest tells, and whom: once, by what they asked for, and never beside instant news."""

from __future__ import annotations

import pytest

from service.models import DeliveryState, Frequency, Notification
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
SENT, CANCELLED = DeliveryState.SENT, DeliveryState.CANCELLED
SUPPRESSED = DeliveryState.SUPPRESSED


def test_a_day_is_one_letter(press, town, daily, yesterday):
    reader = daily()
    town.subscribe(reader, "spor", None, Frequency.DAILY)
    both = press.release(yesterday, ("iklim-cevre", "spor"), title="İklim ve spor")
    climate = press.release(yesterday, ("iklim-cevre",), title="Yalnız iklim")
    press.release(yesterday, ("ulasim",), title="Ulaşım")

    (digest,) = press.plan()
    press.send()

    assert press.told(digest) == {reader: [both, climate]}
    assert press.states(digest) == {reader: SENT}
    (letter,) = press.letters()
    assert letter.subject == "Bugünün haberleri: Yalnız iklim ve 1 haber daha"


def test_instant_readers_get_no_digest_and_daily_ones_no_news_at_once(
    press, town, daily, yesterday
):
    instant, reader = town.reader(), daily()
    press.release(yesterday)

    (digest,) = press.plan()
    press.send()

    assert press.states(digest) == {reader: SENT}
    assert len(press.letters()) == 2
    assert instant not in press.states(digest)


def test_who_hears_of_it_at_once_does_not_read_it_again(press, town, daily, yesterday):
    reader = town.reader("iklim-cevre")
    town.subscribe(reader, "spor", None, Frequency.DAILY)
    press.release(yesterday, ("iklim-cevre", "spor"))
    sport = press.release(yesterday, ("spor",))

    (digest,) = press.plan()

    assert press.told(digest) == {reader: [sport]}


def test_a_story_is_told_once(press, town, daily, yesterday):
    reader, other = daily("spor"), town.reader("iklim-cevre")
    town.subscribe(other, "spor", None, Frequency.DAILY)
    first = press.release(yesterday, ("iklim-cevre",), is_planned=False)
    second = press.release(yesterday, ("spor",), is_planned=False)
    third = press.release(yesterday, ("spor",), is_planned=False)
    press.join(first, second)
    for notification in town.all(Notification):
        plan_notification(press.runtime, notification.id)

    (digest,) = press.plan()

    assert press.told(digest) == {reader: [second, third], other: [third]}
