"""A city that publishes, edits, moves and takes back; and what its feed says after each step."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.integration.conftest import Clock, Cms

TOPIC, OTHER = "iklim-cevre", "ulasim"
KEY = f"{TOPIC}+spor@bornova"  # some readers stumble over such characters in addresses
WITHDRAWN = "Geri çekildi"


@dataclass
class News:
    """An article as the city knows it."""

    external_id: str
    article_id: int = 0
    edits: int = 0
    is_live: bool = True
    is_listed: bool = True  # in a topic of the feed
    was_listed: bool = True  # when it was withdrawn

    @property
    def title(self) -> str:
        edited = f" (düzeltme {self.edits})" if self.edits else ""
        return f"“Ilık İklim” planı {self.external_id}: ığüşöç ĞÜŞİÖÇ & karbon < %40 🌊{edited}"

    @property
    def url(self) -> str:
        return f"https://www.example.bel.tr/haber/{self.external_id}"

    @property
    def summary(self) -> str:
        return f"İklim eylem planı kabul edildi; düzeltme: {self.edits}."

    @property
    def body(self) -> str:
        return f"<p>Sera gazı ve karbon salımı azalacak.</p><p>Düzeltme: {self.edits}.</p>"


@dataclass
class City:
    """Every act goes the way of the real ones: the CMS's door, the workers, a word of the staff."""

    cms: Cms
    clock: Clock
    work: Callable[[], None]
    decide: Callable[[int, str, str], None]  # article, decision, topic
    news: list[News] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def publish(self) -> News:
        one = News(str(next(self._numbers)))
        one.article_id = self._send(one)
        self.news.append(one)
        return one

    def edit(self, one: News) -> None:
        """Another title, summary and text."""
        one.edits += 1
        self._send(one)

    def undo_edit(self, one: News) -> None:
        """The texts of before, if there were any."""
        one.edits = max(one.edits - 1, 0)
        self._send(one)

    def withdraw(self, one: News) -> None:
        one.is_live, one.was_listed = False, one.is_listed
        assert self.cms.withdraw(id=one.external_id).status_code == 202
        self._settle()

    def publish_again(self, one: News) -> None:
        """After a withdrawal, with the same text."""
        one.is_live = True
        self._send(one)

    def move(self, one: News) -> None:
        """The staff take it out of the topic, or put it back."""
        one.is_listed = not one.is_listed
        if not one.is_listed:
            self.decide(one.article_id, "add", OTHER)
        self.decide(one.article_id, "add" if one.is_listed else "reject", TOPIC)
        self._settle()

    def feed(self, suffix: str) -> dict[int, str]:
        """What the feed says now: titles by articles' numbers. Atom has tombstones where
        the others have items, and no reader here knows tombstones."""
        shown = {one.article_id: one.title for one in self.news if one.is_live and one.is_listed}
        gone = {one.article_id for one in self.news if not one.is_live and one.was_listed}
        return shown if suffix == "atom" else {**shown, **dict.fromkeys(gone, WITHDRAWN)}

    def _send(self, one: News) -> int:
        fields = {"title": one.title, "url": one.url, "summary": one.summary}
        answer = self.cms.post(id=one.external_id, body_html=one.body, **fields)
        assert answer.status_code == 202, answer.text
        self._settle()
        return int(answer.get_json()["article_id"])

    def _settle(self) -> None:
        self.work()
        self.clock.advance(minutes=5)  # longer than news is held
        self.work()
