"""Who would be told: the figure is that of the deliveries which planning then writes."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.ledger import whom
from service.ledger.publish import withhold
from service.ledger.refused import Refused
from service.ledger.whom import Figures, ask, count_all, count_range
from service.models import (
    Article,
    DeliveryState,
    Destination,
    Frequency,
    Notification,
    NotificationState,
    RevisionState,
    Subscription,
)
from workers.plan import plan_notification

ZONE = "Europe/Istanbul"
TOPICS = ("iklim-cevre", "spor", "ulasim", None)
PLACES = ("konak", "bornova", None)


def ask_of(runtime, article_id: int, *labels, **more) -> Figures:
    with runtime.db.read() as session:
        return count_all(session, ask(session, article_id, *labels, **more), ZONE)


def crowd(town, runtime, dice: random.Random) -> None:
    """Readers of every kind, with one to three wishes each."""
    for _ in range(30):
        destination = town.reader(
            dice.choice(TOPICS),
            dice.choice(PLACES),
            frequency=dice.choice(list(Frequency)),
            is_verified=dice.random() < 0.9,
            is_paused=dice.random() < 0.1,
            is_suppressed=dice.random() < 0.1,
        )
        values = {}
        if dice.random() < 0.3:
            values = {"quiet_from": dice.randrange(1440), "quiet_until": dice.randrange(1440)}
        if dice.random() < 0.2:
            values["paused_until"] = utcnow() + timedelta(days=dice.choice((-1, 1)))
        with runtime.db.write() as session:
            if values:
                session.execute(
                    update(Destination).where(Destination.id == destination).values(**values)
                )
            if dice.random() < 0.3:
                session.execute(
                    update(Subscription)
                    .where(Subscription.destination_id == destination)
                    .values(is_local_only=True)
                )
        if dice.random() < 0.4:
            town.subscribe(destination, "kultur-sanat", None, Frequency.INSTANT)
        if dice.random() < 0.1:
            town.unsubscribe(destination)
    town.channel("json://127.0.0.1:9/oda")


@pytest.mark.parametrize("seed", range(6))
def test_the_figure_is_that_of_the_deliveries_then_planned(town, runtime, monkeypatch, seed):
    monkeypatch.setattr(whom, "RANGE_SIZE", 7)
    dice = random.Random(seed)
    crowd(town, runtime, dice)
    first = town.article(("spor", "kultur-sanat"))
    told_first = town.planned(first)
    topics = ("kultur-sanat", dice.choice(("iklim-cevre", "spor", "ulasim")))
    story = town.get(Article, first).story_id if seed % 2 else None
    article = town.article(topics, dice.choice(((), ("konak",))), story_id=story)
    with runtime.db.write() as session:
        news = session.get_one(Notification, town.notification(article))
        news.breaks_at = utcnow() if seed == 5 else None

    figures = ask_of(runtime, article)
    plan_notification(runtime, news.id)

    counts = town.counts(news.id)
    assert figures.planned == counts.total() == town.get(Notification, news.id).planned
    fates = figures.by(3)
    assert counts[DeliveryState.SUPPRESSED] == fates["paused"] + fates["suppressed"]
    assert counts[DeliveryState.QUEUED] == fates["sent"] + fates["quiet"] + fates["break"]
    assert bool(figures.by_story) == bool(story)
    assert not story or figures.by_story <= town.counts(told_first).total()
    assert ask_of(runtime, article).planned == 0, "who has a delivery is not told again"


def test_what_if_another_topic_counts_those_who_would_come_along(town, runtime):
    town.reader("iklim-cevre")
    sport = [town.reader("spor"), town.reader("spor", "konak")]
    article = town.article(("iklim-cevre",))
    news = town.notification(article)
    plan_notification(runtime, news)

    more = ask_of(runtime, article, [town.topic("spor")])

    assert more.planned == len(sport)
    assert more.by(2) == {0: 1, town.place("konak"): 1}
    assert town.counts(news).total() == 1, "nothing was written"


def test_readers_of_summaries_count_as_later_or_at_once_where_it_is_urgent(town, runtime):
    town.reader(frequency=Frequency.DAILY)
    both = town.reader(frequency=Frequency.WEEKLY)
    town.subscribe(both, None)
    town.reader(frequency=Frequency.WEEKLY)
    article = town.article()

    figures = ask_of(runtime, article)
    assert (figures.planned, dict(figures.later)) == (1, {"daily": 1, "weekly": 1})
    assert ask_of(runtime, article, breaks=True).planned == 3


@pytest.mark.parametrize("reason", ["withdrawn", "commercial", "cancelled"])
def test_what_may_be_told_to_nobody_says_why(town, runtime, reason):
    town.readers(3)
    article = town.article()
    news = town.notification(article, state=NotificationState.HELD)
    with runtime.db.write() as session:
        row = session.get_one(Article, article)
        if reason == "withdrawn":
            withhold(session, row, utcnow())
        elif reason == "commercial":
            row.is_commercial = True
        else:
            session.get_one(Notification, news).stopped_at = utcnow()

    figures = ask_of(runtime, article)

    assert (figures.reason, figures.planned, figures.refused) == (reason, 0, 3)


def test_what_is_not_classified_has_no_figure(town, runtime):
    article = town.article(state=RevisionState.RECEIVED)
    with pytest.raises(Refused, match="not classified"):
        ask_of(runtime, article)
    with pytest.raises(Refused, match="no article 99"):
        ask_of(runtime, 99)


def test_figures_survive_a_job(town, runtime, monkeypatch):
    monkeypatch.setattr(whom, "RANGE_SIZE", 2)
    town.readers(5)
    article = town.article()
    kept, lower, looks = Figures(), 0, 0
    with runtime.db.read() as session:
        while True:
            some, upper = count_range(session, ask(session, article), lower, ZONE)
            if upper is None:
                break
            kept = Figures.from_json(kept.as_json())
            kept.add(some)
            lower, looks = upper, looks + 1
    assert looks >= 3
    assert kept.summary() == ask_of(runtime, article).summary()
    assert kept.planned == 5
