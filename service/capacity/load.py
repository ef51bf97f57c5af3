"""The load of a city: what an operator knows or assumes of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Load:
    """Shares are parts of 1. The rest of the subscribers by mail and chat reads feeds alone.

    `topics`, `topics_each`, `topics_of_article`: how many there are, how many a subscriber follows,
    how many an article has; chosen evenly, they say who hears of an article. `open_h`: hours in
    which articles come; `peak`: how many times the mean the busiest hour has.
    """

    subscribers: float
    articles: float
    mail: float = 0.85
    chat: float = 0.05
    topics: int = 20
    topics_each: float = 2.0
    topics_of_article: float = 1.3
    open_h: float = 12.0
    peak: float = 3.0
    digest: float = 0.4  # of those by mail, who have a letter a day instead
    retention_days: int = 90
    failing: float = 0.02  # of deliveries, which keep an answer
    feed_polls_h: float = 1.0  # how often a reader of feeds asks
    is_signed: bool = True  # by us; otherwise the relay signs

    def __post_init__(self) -> None:
        if self.mail + self.chat > 1:
            raise ValueError("mail and chat together are more than all subscribers")
        if self.topics_each > self.topics:
            raise ValueError("nobody can follow more topics than there are")

    @property
    def reach(self) -> float:
        """The part of the subscribers whom an article concerns."""
        missed: float = (1.0 - self.topics_each / self.topics) ** self.topics_of_article
        return 1.0 - missed

    @property
    def busiest_hour(self) -> float:
        """Articles of it."""
        return min(self.articles / self.open_h * self.peak, self.articles)

    @property
    def told_at_once(self) -> tuple[float, float]:
        """Subscribers by mail, and by chat, who have no digest."""
        return self.subscribers * self.mail * (1 - self.digest), self.subscribers * self.chat

    @property
    def digest_letters(self) -> float:
        """A day's: of a reader whom nothing concerns there is none."""
        has_any = 1.0 - math.exp(-self.articles * self.reach)
        return self.subscribers * self.mail * self.digest * has_any

    @property
    def digest_items(self) -> float:
        return self.subscribers * self.mail * self.digest * self.articles * self.reach

    @property
    def feed_requests_s(self) -> float:
        readers = self.subscribers * (1 - self.mail - self.chat)
        return readers * self.feed_polls_h / 3600

    def times(self, factor: float) -> Load:
        """The same city with so many times the subscribers."""
        return replace(self, subscribers=self.subscribers * factor)
