"""Real readers of a real server: they read what is new, edited and withdrawn, each thing once, and
are answered 304 otherwise."""

from __future__ import annotations

import os
import random
from collections import Counter

import pytest

from tests.integration.feeds.readers.city import WITHDRAWN, City
from tests.integration.feeds.readers.polling import Key, Polls, unchanged
from tests.integration.feeds.readers.recording import Exchange
from tests.integration.feeds.readers.table import FILE, Row, document, lines, table_of

POLLS = 10
# reader stores an ETag only with a change that it shows, and a tombstone shows it none.
FORGETFUL = {("reader", "atom")}


@pytest.fixture
def polls(city, clients, recorder) -> Polls:
    return Polls(city, clients, recorder)


def test_readers_read_what_is_new_edited_and_withdrawn_and_get_304_otherwise(polls, city, say):
    city.publish()
    polls.poll()
    quiet = polls.poll(), polls.poll()
    assert unchanged(quiet[1]) == {}

    news = city.publish()
    changes = [polls.poll()]
    assert {shown[news.article_id].link for shown in polls.shown.values()} == {news.url}
    assert len({shown[news.article_id].guid for shown in polls.shown.values()}) == 1
    new = _titles(polls, news.article_id)
    city.edit(news)
    changes.append(polls.poll())
    edited = _titles(polls, news.article_id)
    assert unchanged(polls.poll()) == {}
    city.withdraw(news)
    changes.append(polls.poll())
    withdrawn = _titles(polls, news.article_id)
    assert set(unchanged(polls.poll())) == FORGETFUL
    city.publish_again(news)
    changes.append(polls.poll())
    again = _titles(polls, news.article_id)

    rows = [
        Row(
            *key,
            new="once",
            edit=_became(new[key], edited[key]),
            withdrawal=_became(edited[key], withdrawn[key]),
            again="as before" if again[key] == edited[key] else "lost",
            unchanged=_statuses([one[key] for one in quiet]),
            delta=_delta([one[key] for one in changes]),
        )
        for key in polls.views
    ]
    for line in lines(rows):
        say(line)
    if os.environ.get("TELLAL_WRITE_READERS"):
        FILE.write_text(document(rows), encoding="utf-8")
    assert table_of(FILE.read_text(encoding="utf-8")) == lines(rows), "make readers"


def test_no_reader_shows_anything_twice_on_a_busy_day(polls, city):
    chance, acts = random.Random(58162), Counter[str]()
    for _ in range(POLLS):
        for _ in range(chance.choice((0, 1, 2, 5))):
            acts[_something(city, chance)] += 1
        polls.poll()
    city.publish()
    polls.poll()

    assert unchanged(polls.poll()) == {}
    assert len(acts) == 6, acts


def _something(city: City, chance: random.Random) -> str:
    """Let anything happen to any article; returns what did."""
    if not city.news or chance.random() < 0.25:
        city.publish()
        return "publish"
    one = chance.choice(city.news)
    edit = city.undo_edit if one.edits else city.edit
    act = chance.choice((edit, city.withdraw, city.move)) if one.is_live else city.publish_again
    act(one)
    return act.__name__


def _titles(polls: Polls, article_id: int) -> dict[Key, str | None]:
    """What every reader calls an article; None where it does not show it."""
    shown = ((key, items.get(article_id)) for key, items in polls.shown.items())
    return {key: item.title if item else None for key, item in shown}


def _became(before: str | None, after: str | None) -> str:
    if after == before:
        return "stays as it was"
    return "gone" if after is None else f"“{WITHDRAWN}”" if after == WITHDRAWN else "new title"


def _statuses(exchanges: list[Exchange]) -> str:
    return ", ".join(str(one.status) for one in exchanges)


def _delta(exchanges: list[Exchange]) -> str:
    if not any(one.a_im for one in exchanges):
        return "not asked for"
    return ", ".join(sorted({str(one.status) for one in exchanges}))
