"""What a chat service can do for us."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import Caller, Reply


@dataclass(frozen=True)
class Receipt:
    """What became of a message. `message_id`: by which the service knows it; empty where it has no
    such thing, or said none."""

    outcome: Outcome
    message_id: str = ""


class Provider(Protocol):
    """Sends to one kind of service."""

    schemes: frozenset[str]  # of the addresses that staff paste

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        """Send one message to the one target of an address.

        `number` is the message's own, the same at every try: a service that knows such a thing
        takes a second one of it for the first.
        """


@runtime_checkable
class Editor(Protocol):
    """A provider whose messages can be changed after they were sent."""

    def edit(self, caller: Caller, url: str, message_id: str, message: ChatMessage) -> Receipt:
        """Put another text in place of a message's. A rejected outcome: it cannot be done (any
        more), and the correction is to be sent as a message of its own."""

    def withdraw(self, caller: Caller, url: str, message_id: str, message: ChatMessage) -> Receipt:
        """Take a message back: delete it, or say in its place that it was withdrawn."""


def receipt_of(reply: Reply, message_id: str = "") -> Receipt:
    """The receipt of a plain HTTP answer (reliability guide, section 5).

    408, 425, 429 and 5xx pass; other refusals are final; an answer that never came leaves it
    unknown whether the message did.
    """
    if reply.is_ok:
        return Receipt(Outcome(DeliveryState.SENT, reply.code), message_id)
    if reply.is_blocked:
        return Receipt(Outcome(DeliveryState.REJECTED, "blocked", "no address may be reached"))
    if reply.status is None and reply.was_sent:
        return Receipt(Outcome(DeliveryState.UNKNOWN, "", "the answer never came"))
    if reply.status is None:
        return Receipt(Outcome(DeliveryState.DEFERRED, "connect", "no connection to the service"))
    said = f"the service answered {reply.status}"
    if reply.is_passing:
        return Receipt(
            Outcome(DeliveryState.DEFERRED, reply.code, said, reply.retry_after_s, reply.is_global)
        )
    return Receipt(Outcome(DeliveryState.REJECTED, reply.code, said))
