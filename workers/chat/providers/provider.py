"""What a chat service can do for us."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Protocol

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import PASSING, Caller, Reply
from workers.chat.answers import words_of

MAX_WHY = 160  # letters of what a service says of a refusal that the ledger keeps


@dataclass(frozen=True)
class Receipt:
    """What became of a message. `message_id`: by which the service knows it; empty where it has no
    such thing, or said none. `said`: how its answer reads; secrets are taken out of it later."""

    outcome: Outcome
    message_id: str = ""
    said: str = ""


class Provider(Protocol):
    """Sends to one kind of service."""

    schemes: frozenset[str]  # of the addresses that staff paste

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        """Send one message to the one target of an address.

        `number` is the message's own, the same at every try: a service that knows such a thing
        takes a second one of it for the first.
        """


class Editor(ABC):
    """A provider whose messages can be changed after they were sent. Doing so twice does no harm,
    so a change whose answer never came is made again."""

    @abstractmethod
    def place(self, url: str) -> str:
        """Names the room of an address and the account that speaks there: a message can be changed
        as long as both stay, whatever else of the address is new. May hold secrets."""

    @abstractmethod
    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        """Put another text in place of a message's. `number` is that of the change.

        A rejected outcome: it cannot be done (any more), and the correction is to be sent as a
        message of its own.
        """

    @abstractmethod
    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        """Say in a message's place that it was withdrawn. Where that cannot be said there any
        more, delete the message if possible, and reject as `edit` does."""


def receipt_of(reply: Reply, message_id: str = "", why: str = "") -> Receipt:
    """The receipt of a plain HTTP answer (reliability guide, section 5).

    408, 425, 429 and 5xx pass; other refusals are final; an answer that never came leaves it
    unknown whether the message did. `why`: what the service said of a refusal.
    """
    if reply.is_ok:
        return Receipt(Outcome(DeliveryState.SENT, reply.code), message_id)
    if reply.is_blocked:
        return Receipt(Outcome(DeliveryState.REJECTED, "blocked", "no address may be reached"))
    if reply.status is None and reply.was_sent:
        return Receipt(Outcome(DeliveryState.UNKNOWN, "", "the answer never came"))
    if reply.status is None:
        return Receipt(Outcome(DeliveryState.DEFERRED, "connect", "no connection to the service"))
    return refusal(reply.status, why, reply.retry_after_s, is_global=reply.is_global)


def refusal(
    status: int, why: str = "", retry_after_s: float | None = None, *, is_global: bool = False
) -> Receipt:
    """The receipt of a refusal, by the HTTP status that it has, or that says the same.

    `is_global`: the wait is asked of all that we send there.
    """
    said = f"the service answered {status}" + (f": {words_of(why)[:MAX_WHY]}" if why else "")
    if status in PASSING or status >= 500:
        return Receipt(Outcome(DeliveryState.DEFERRED, str(status), said, retry_after_s, is_global))
    return Receipt(Outcome(DeliveryState.REJECTED, str(status), said))


def unread(reply: Reply) -> Receipt:
    """The receipt of a success in words that are not the service's: perhaps it never got there."""
    said = "the answer is none of this service"
    return Receipt(Outcome(DeliveryState.UNKNOWN, reply.code, said))


def waits(reply: Reply, said: object, unit_s: float = 1.0) -> float | None:
    """How long a service asks to wait, in its header or in its answer: the longer one."""
    is_number = isinstance(said, int | float) and not isinstance(said, bool)
    asked = [float(said) * unit_s] if is_number else []  # type: ignore[arg-type]
    if reply.retry_after_s is not None:
        asked.append(reply.retry_after_s)
    return max(asked, default=None)
