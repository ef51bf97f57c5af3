"""What a simulated day is made of: who publishes, who sends, which lanes there are, what fails."""

from __future__ import annotations

from dataclasses import dataclass

H = 3600.0
PRIORITIES = ("transactional", "urgent", "normal", "digest")


@dataclass(frozen=True)
class Lane:
    """A provider. `share` of all readers; `answer_s`: how long our relay, or the provider behind
    it, takes over one letter on one link; `defer`: the part of letters that it puts off; `closed`:
    when it turns everybody away."""

    name: str
    share: float
    answer_s: float = 0.02
    defer: float = 0.01
    closed: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Relay:
    """`rate_s`: letters that it takes in a second; `down`: when it cannot be reached."""

    rate_s: float
    down: tuple[tuple[float, float], ...] = ()

    def is_up(self, at: float) -> bool:
        return not any(begin <= at < end for begin, end in self.down)


@dataclass(frozen=True)
class Article:
    """`at`: seconds from midnight when it is released for planning."""

    at: float
    readers: int
    is_urgent: bool = False


LANES = (
    Lane("gmail", 0.5, answer_s=0.004),
    Lane("microsoft", 0.25, answer_s=0.004, defer=0.02),
    Lane("yahoo", 0.125, answer_s=0.008, defer=0.03),
    Lane("other", 0.125, answer_s=0.03, defer=0.05),  # many slow servers of few readers each
)


@dataclass(frozen=True)
class Scenario:
    """A day. `letter_s`: seconds of one core for a letter, settling included; `plan_s`: of the
    planner for a delivery. Hours are those of the city's clock."""

    articles: tuple[Article, ...]
    lanes: tuple[Lane, ...] = LANES
    relays: tuple[Relay, ...] = (Relay(500.0),)
    processes: int = 4
    letter_s: float = 1e-3
    plan_s: float = 1e-5
    sign_ups: int = 0  # confirmations of a day, evenly spread over it
    digest_readers: int = 0
    digest_at: float = 18 * H
    seed: int = 0
    most_links: int | None = None  # of a lane; None: as the code has it
    first_links: int | None = None  # what each lane has learned before; None: nothing
