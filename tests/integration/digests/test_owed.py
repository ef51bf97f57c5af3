"""Whoever changes how often they hear, or takes a break, between two editions: nothing is lost by
the change, nothing is told twice, and what a break missed stays missed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import update

from service.ledger.publish import withdraw
from service.ledger.stories import split
from service.models import (
    Article,
    Destination,
    Frequency,
    Notification,
    NotificationKind,
    StoryLink,
    Subscription,
)
from service.subscriptions import changing, preferences
from service.subscriptions.changing import Asking
from tests.integration.digests.conftest import TUESDAY
from workers.plan import plan_notification
from workers.recover import sweep_once

pytestmark = pytest.mark.usefixtures("full_audit")
INSTANT, DAILY, WEEKLY = Frequency.INSTANT, Frequency.DAILY, Frequency.WEEKLY
MONDAY = TUESDAY + timedelta(days=6)


@pytest.fixture
def days(press):
    """Lets days begin a minute after eight, with the editions that are due then."""

    def begin(day: date, hour: int = 8) -> list[int]:
        press.turn_to(press.at(day, hour, 1))
        made = press.plan()
        press.send()
        return made

    begin(TUESDAY)
    return begin


@pytest.fixture
def change(runtime):
    def change(reader: int, frequency: Frequency) -> None:
        with runtime.db.write() as session:
            person = session.get_one(Destination, reader)
            first = changing.groups(session, reader)[0].ids[0]
            assert changing.change(session, person, first, Asking(None, frequency))

    return change


def told(town, press, reader: int) -> list[int]:
    """Every article that a reader was told, as often as it was: by itself, or as an item."""
    articles = []
    for notification in town.all(Notification):
        if town.states(notification.id).get(reader, 0) != 1:
            continue
        if notification.kind == NotificationKind.NEW:
            articles.append(notification.article_id)
        else:
            articles += press.told(notification.id).get(reader, [])
    return sorted(articles)


def news(press, **since: float) -> int:
    """An article that comes out now, or some time ago."""
    article = press.release(press.clock() - timedelta(**since))
    press.send()
    return article


@pytest.mark.parametrize(
    ("before", "after"),
    [(WEEKLY, INSTANT), (DAILY, INSTANT), (DAILY, WEEKLY), (WEEKLY, DAILY), (INSTANT, DAILY)],
)
def test_a_change_between_editions_loses_and_doubles_nothing(
    before, after, press, town, days, change
):
    reader, other = town.reader(frequency=before), town.reader(frequency=before)
    early = news(press)
    days(TUESDAY + timedelta(days=1))
    late = news(press)
    press.turn_to(press.clock() + timedelta(hours=1))
    change(reader, after)
    press.turn_to(press.clock() + timedelta(hours=1))
    then = news(press)
    for n in range(2, 14):
        days(TUESDAY + timedelta(days=n))

    assert told(town, press, reader) == [early, late, then]
    assert told(town, press, other) == [early, late, then]


def test_the_edition_of_before_tells_what_came_out_before_the_change_alone(
    press, town, days, change
):
    reader = town.reader(frequency=WEEKLY)
    owed = news(press, hours=1)
    change(reader, INSTANT)
    news(press)
    (weekly, _) = sorted(days(MONDAY), reverse=True)

    assert press.told(weekly) == {reader: [owed]}
    assert press.letters()[-1].subject == "Haftanın haberleri: " + press.letters()[0].subject


def test_whoever_has_left_since_is_owed_nothing(press, town, days, change):
    reader = town.reader(frequency=WEEKLY)
    news(press, hours=1)
    change(reader, INSTANT)
    made = days(MONDAY - timedelta(days=1))
    town.unsubscribe(reader)
    made += days(MONDAY)

    assert [press.states(one) for one in made] == [{}] * len(made)
    assert press.letters() == []


def test_who_leaves_after_planning_is_owed_nothing_either(press, town, days, change):
    reader = town.reader(frequency=WEEKLY)
    news(press, hours=1)
    change(reader, INSTANT)
    press.turn_to(press.at(MONDAY, 8, 1))
    press.plan()
    town.unsubscribe(reader)
    press.send()

    assert press.letters() == []


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("hour", [7, 9])
def test_what_waits_for_quiet_hours_and_is_not_wanted_at_once_any_more_comes_by_the_summary(
    count, hour, press, town, days, change, runtime
):
    reader = town.reader()
    with runtime.db.write() as session:
        person = session.get_one(Destination, reader)
        preferences.set_quiet_hours(session, person, 22 * 60, 10 * 60)
    day = TUESDAY + timedelta(days=1)
    press.turn_to(press.at(TUESDAY, 23))
    waited = [news(press) for _ in range(count)]
    if hour > 8:
        days(day)
    press.turn_to(press.at(day, hour))
    change(reader, DAILY)
    for n in range(4):
        days(day + timedelta(days=n))
        press.turn_to(press.at(day + timedelta(days=n), 10, 1))
        sweep_once(runtime)
        press.send()
        sweep_once(runtime)
        press.send()

    assert told(town, press, reader) == waited


@pytest.mark.parametrize("frequency", [DAILY, WEEKLY])
def test_what_came_out_in_a_break_is_not_in_the_edition_after_it(
    frequency, press, town, days, runtime
):
    reader, other = town.reader(frequency=frequency), town.reader(frequency=frequency)
    press.turn_to(press.at(TUESDAY, 9))
    before = news(press)
    press.turn_to(press.at(TUESDAY, 10))
    break_for(runtime, press, reader, days=5, hours=4)
    press.turn_to(press.at(TUESDAY + timedelta(days=4), 10))
    missed = [news(press)]
    days(TUESDAY + timedelta(days=5))
    missed.append(news(press))
    press.turn_to(press.at(TUESDAY + timedelta(days=5), 15))
    after = news(press)
    for n in range(6, 14):
        days(TUESDAY + timedelta(days=n))

    assert told(town, press, other) == [before, *missed, after] if frequency == WEEKLY else True
    expected = [before, after] if frequency == WEEKLY else [after]
    assert told(town, press, reader) == expected


def test_a_break_that_begins_after_planning_keeps_the_letter_back(
    press, town, daily, yesterday, runtime
):
    reader = daily()
    press.release(yesterday)
    press.plan()
    break_for(runtime, press, reader, days=1)
    press.send()

    assert press.letters() == []


def test_a_break_that_was_ended_at_once_and_one_made_longer_began_when_they_began(
    press, town, days, runtime
):
    reader = town.reader(frequency=WEEKLY)
    break_for(runtime, press, reader, days=1)
    missed = press.clock() + timedelta(hours=1)
    press.turn_to(missed)
    news(press)
    break_for(runtime, press, reader, days=2)
    press.turn_to(missed + timedelta(hours=1))
    with runtime.db.write() as session:
        preferences.resume(session, session.get_one(Destination, reader))
    told_later = news(press)
    press.turn_to(missed + timedelta(hours=2))
    with runtime.db.write() as session:  # of a break that is over this changes nothing
        preferences.resume(session, session.get_one(Destination, reader))
    days(MONDAY)

    assert told(town, press, reader) == [told_later]


def break_for(runtime, press, reader: int, **length: float) -> None:
    with runtime.db.write() as session:
        person = session.get_one(Destination, reader)
        preferences.pause(session, person, press.clock() + timedelta(**length))


def test_a_change_long_ago_owes_nothing(press, town, days, runtime):
    """The index of who changed is asked for those alone who did since the first article."""
    reader = town.reader(frequency=INSTANT)
    with runtime.db.write() as session:
        session.execute(
            update(Subscription).values(
                changed_from=WEEKLY, created_at=press.clock() - timedelta(days=40)
            )
        )
    article = news(press)
    days(MONDAY)

    assert told(town, press, reader) == [article]


@pytest.mark.parametrize("is_split", [False, True])
def test_who_was_left_to_news_that_then_told_nobody_is_told_by_the_next_edition(
    is_split, press, town, days, runtime
):
    """As for news at once (`ledger.spared`)."""
    reader, other = town.reader("spor"), town.reader("iklim-cevre", frequency=DAILY)
    town.subscribe(reader, "iklim-cevre", None, DAILY)
    press.turn_to(press.at(TUESDAY, 12))
    first = press.release(press.clock(), ("spor",), is_planned=False)
    again = press.release(press.clock(), ("iklim-cevre",))
    press.join(first, again)
    (waits,) = (one.id for one in town.all(Notification) if one.article_id == first)
    plan_notification(runtime, waits)
    press.turn_to(press.at(TUESDAY + timedelta(days=1), 8, 1))
    press.plan()
    with runtime.db.write() as session:
        article = session.get_one(Article, first, with_for_update=True)
        if is_split:
            ids = {"article_id": again, "earlier_id": first}
            session.add(StoryLink(**ids, evidence={}, linked_at=press.clock()))
            session.flush()
            split(session, again, press.clock())
        else:
            withdraw(session, article, press.clock())
    for notification in town.all(Notification):
        plan_notification(runtime, notification.id)
    press.send()
    days(TUESDAY + timedelta(days=2))
    days(TUESDAY + timedelta(days=3))

    assert told(town, press, other) == [again]
    assert told(town, press, reader) == [*[first] * is_split, again]
