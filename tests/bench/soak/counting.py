"""What became of each article: lost, doubled, unknown; judged as soon as it is done."""

from __future__ import annotations

from collections import Counter

from tests.chaos.city import City
from tests.chaos.verdict import is_done, judge, read_ledger

GONE = "somebody else"  # a visitor, who may have been told or not


class Names(dict[int, str]):
    """Who a destination is; those who came later are visitors."""

    def __missing__(self, number: int) -> str:
        return f"{GONE} {number}"


class Counting:
    """`articles` are those that were posted and not judged yet."""

    def __init__(self, city: City) -> None:
        self._city, self._names = city, Names(city.who)
        self._judged: set[str] = set()
        self.articles: list[str] = []
        self.counts: Counter[str] = Counter()

    def look(self, *, is_last: bool = False) -> None:
        """Judge the articles that are done; with `is_last` the others as well."""
        self._city.tapes.read()
        for mark in list(self.articles):
            with self._city.db.read() as session:
                done = is_done(session, mark)
            if done or is_last:
                self._judge(mark, is_done=done)
        for mark in self._judged:  # whatever came after an article was judged came twice
            late = self._city.tapes.arrived.pop(mark, None)
            self.counts["doubled"] += late.count if late else 0

    def _judge(self, mark: str, *, is_done: bool) -> None:
        city = self._city
        city.tapes.read()
        arrived = city.tapes.arrived.pop(mark, None)
        ids = dict(arrived.ids) if arrived else {}
        with city.db.read() as session:
            ledger = read_ledger(session, mark, self._names)
        residents = {name: found for name, found in ids.items() if name in city.expected}
        verdict = judge(
            city.expected,
            residents,
            {name: one for name, one in ledger.items() if name in city.expected},
            city.tapes.refused,
            is_done=is_done,
        )
        twice = sum(len(found) - 1 for name, found in ids.items() if name not in residents)
        self.counts.update(
            articles=1,
            deliveries=sum(map(len, ids.values())),
            lost=verdict.lost,
            doubled=verdict.doubled - verdict.doubled_unknown + twice,
            doubled_unknown=verdict.doubled_unknown,
            unknown=verdict.unknown,
            untrue=verdict.untrue,
        )
        self.articles.remove(mark)
        self._judged.add(mark)
