"""Cities made up at random: each reader's digest is what a brute-force oracle says."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from service.db import table_of, utcnow
from service.ledger import digest_match
from service.models import (
    Destination,
    DigestItem,
    Frequency,
    Notification,
    Place,
    Subscription,
    Topic,
)
from tests.digest_oracle import MOST, Article, Person, Wish, heard_at_once, matching
from tests.integration.ledger.ranges import in_ranges_of
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
PEOPLE, ARTICLES = 40, 23


@pytest.fixture
def names(runtime):
    with runtime.db.read() as session:
        topics = session.execute(select(Topic.id, Topic.slug).order_by(Topic.id).limit(4)).all()
        places = session.execute(select(Place.id, Place.slug).order_by(Place.id).limit(3)).all()
    return dict(map(tuple, topics)), dict(map(tuple, places))


def made_up_articles(chance, press, yesterday, names) -> list[Article]:
    topics, places = names
    found = []
    for n in range(ARTICLES):
        about = chance.sample(sorted(topics), chance.choice((0, 1, 1, 2, 3)))
        where = chance.sample(sorted(places), chance.choice((0, 0, 1, 2)))
        labels = (tuple(topics[t] for t in about), tuple(places[p] for p in where))
        at = yesterday + timedelta(minutes=n)
        id_ = press.release(at, *labels, is_planned=False, title=f"Haber {n}")
        found.append(Article(id_, ARTICLES - n, frozenset(about), frozenset(where), id_))
    pairs = chance.sample(range(ARTICLES), 6)
    for first, second in zip(pairs[::2], pairs[1::2], strict=True):
        press.join(found[first].id, found[second].id)
        found[second] = replace(found[second], story=found[first].story)
    return found


def made_up_people(chance, runtime, names, yesterday) -> dict[int, Person]:
    topics, places = names
    people, rows, readers = {}, [], []
    for n in range(1, PEOPLE + 1):
        wishes = []
        for topic, place in dict.fromkeys(
            (chance.choice([None, *topics]), chance.choice([None, None, *places]))
            for _ in range(chance.randint(1, 4))
        ):
            frequency = chance.choice(("instant", "daily", "daily", "weekly"))
            is_changed = frequency == "weekly" and chance.random() < 0.5
            wish = Wish(
                topic,
                place,
                frequency,
                changed_from="daily" if is_changed else None,
                changed_rank=chance.randint(1, ARTICLES),
                is_local_only=place is not None and chance.random() < 0.3,
                is_live=chance.random() < 0.9,
            )
            wishes.append(wish)
            rows.append(
                {
                    "destination_id": n,
                    "topic_id": topic,
                    "place_id": place,
                    "frequency": Frequency(wish.frequency),
                    "is_local_only": wish.is_local_only,
                    "changed_from": wish.changed_from and Frequency(wish.changed_from),
                    "created_at": yesterday + timedelta(minutes=ARTICLES - wish.changed_rank),
                    "ended_at": None if wish.is_live else utcnow(),
                }
            )
        people[n] = Person(wishes, is_verified=chance.random() < 0.9)
        readers.append(
            {
                "id": n,
                "kind": "email",
                "address": f"p{n}@example.org",
                "address_hash": f"{n:064}",
                "lane": chance.choice(("one", "two")),
                "verified_at": utcnow() if people[n].is_verified else None,
            }
        )
    with runtime.db.write() as session:
        session.execute(insert(table_of(Destination)), readers)
        session.execute(insert(table_of(Subscription)), rows)
    return people


@pytest.mark.parametrize("seed", range(2))
def test_each_digest_is_what_the_oracle_says(
    seed, press, runtime, town, yesterday, names, monkeypatch
):
    chance = random.Random(seed)
    in_ranges_of(chance.choice((15, 1_000)), monkeypatch)
    articles = made_up_articles(chance, press, yesterday, names)
    people = made_up_people(chance, runtime, names, yesterday)
    for notification in town.all(Notification):
        plan_notification(runtime, notification.id)

    (digest,) = press.plan()

    planned: dict[int, list[int]] = {}
    for item in town.all(DigestItem):
        planned.setdefault(item.destination_id, []).append(item.article_id)
    rank = {one.id: one.rank for one in articles}
    for number, person in people.items():
        heard = heard_at_once(person, articles) if person.is_verified else frozenset()
        expected = matching(replace(person, heard=heard), articles, "daily")
        assert sorted(planned.get(number, []), key=rank.get) == expected, (number, person)
    assert set(press.states(digest)) == set(planned)

    press.send()
    told = press.told(digest)
    for number, items in planned.items():
        first = sorted(items, key=rank.get)[:MOST]
        assert told[number] == sorted(first), number


def test_the_oracle_and_the_letters_stop_at_the_same_item():
    assert digest_match.TOLD == MOST


def test_a_wish_that_ends_before_the_letter_leaves_takes_its_items_along(
    press, town, daily, yesterday, runtime
):
    reader = daily()
    town.subscribe(reader, "spor", None, Frequency.DAILY)
    press.release(yesterday)
    sport = press.release(yesterday, ("spor",))
    (digest,) = press.plan()
    with runtime.db.write() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.topic_id == town.topic())
            .values(ended_at=utcnow())
        )

    press.send()

    assert press.told(digest) == {reader: [sport]}
    assert len(press.letters()) == 1
