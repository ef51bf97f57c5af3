"""What a pipeline is given: a source of letters, and how wide it may be."""

from __future__ import annotations

from typing import Protocol

from service.ledger.outcome import Outcome
from workers.email.link import Envelope


class WithheldError(Exception):
    """Raised by `Envelope.write`: nothing is to be sent, and the source has taken care of it."""


class Source(Protocol):
    """Where letters come from and answers go to."""

    def take(self) -> Envelope | None:
        """The next one; None: none as long as others are unanswered, or none at all."""

    def answer(self, envelope: Envelope, outcome: Outcome) -> None:
        """What became of it; called at most once for each."""


class Width(Protocol):
    """How many links there may be, and what is learned of it on the way."""

    @property
    def links(self) -> int:
        """At least 1."""

    def note(self, envelope: Envelope, outcome: Outcome) -> None:
        """Learn from an outcome.

        Raises:
            PeerAwayError: nothing more is to be begun.
        """

    def slow_down(self) -> None:
        """A link was refused, or hung up on, though no letter was to blame."""
