"""Letters straight into the pipeline: a source that keeps every answer, and a width that stays."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from socket import SO_SNDBUF, SOL_SOCKET
from typing import TypeVar

from service.ledger.outcome import Outcome
from service.models import DeliveryState
from workers.email.link import Envelope, Link
from workers.email.pipeline import Pipeline
from workers.email.relay import Relay, Relays

SENDER = "b+token@tellal.example"
SMALL = 4_096  # bytes of a buffer; the kernel takes twice as much
LINE = b"Iklim icin eylem plani kabul edildi: karbon salimi azaliyor.\r\n"


class Letters:
    """A source: one letter of so many bytes to each of them."""

    def __init__(self, recipients: Iterable[str], size: int = 2_000) -> None:
        self._left = deque(recipients)
        self.raw = b"Subject: x\r\n\r\n" + LINE * (size // len(LINE))
        self.answers: defaultdict[str, list[Outcome]] = defaultdict(list)

    def take(self) -> Envelope | None:
        if not self._left:
            return None
        recipient = self._left.popleft()
        return Envelope(recipient, SENDER, recipient, lambda: self.raw)

    def answer(self, envelope: Envelope, outcome: Outcome) -> None:
        self.answers[envelope.recipient].append(outcome)

    def states(self) -> dict[str, DeliveryState]:
        """One for each that has an outcome; it fails where somebody has two."""
        assert Counter(map(len, self.answers.values())).keys() <= {1}
        return {recipient: said[0].state for recipient, said in self.answers.items()}


class Wide:
    """So many links, whatever happens."""

    def __init__(self, links: int = 1) -> None:
        self.links = links

    def note(self, envelope: Envelope, outcome: Outcome) -> None:
        pass

    def slow_down(self) -> None:
        """Nothing is learned."""


class Narrow(Relays):
    """Links with small buffers, so that whoever does not read is noticed after a few kilobytes."""

    def dial(self) -> Link:
        link = super().dial()
        link.wire.sock.setsockopt(SOL_SOCKET, SO_SNDBUF, SMALL)
        return link


Kind = TypeVar("Kind", bound=Relays)


@contextmanager
def relays(
    *urls: str,
    authorities: str = "",
    kind: type[Kind] = Relays,
) -> Iterator[Kind]:
    """Those of a process, for the length of a test."""
    made = kind([Relay.of(url, "tellal.example", authorities) for url in urls])
    try:
        yield made
    finally:
        made.close()


def send(relays: Relays, letters: Letters, links: int = 1) -> None:
    """Send all of them over so many links."""
    Pipeline(relays, Wide(links)).run(letters)


def readers(count: int) -> list[str]:
    return [f"okur{number}@example.org" for number in range(count)]
