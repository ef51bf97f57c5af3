"""Bringing a message to a chat: as a new one, or in the place of the one that it follows up.

Which message stands in which chat is remembered after the service has named it. Where a worker
dies in between, or the answer never comes, nothing is remembered, and a correction is sent as a
message of its own (docs/adr/0039).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from sqlalchemy.exc import SQLAlchemyError

from service.ledger.outcome import DOUBT, Outcome
from service.messages.chat import ChatMessage
from service.messages.story import Story
from service.models import DeliveryState, NotificationKind
from service.runtime import Runtime
from workers.calls import Caller
from workers.chat import sent
from workers.chat.answers import without_secrets, words_of
from workers.chat.providers import Editor, Provider, Receipt

MESSAGE_S = 20.0  # for all calls that one message takes
AGAIN = "the answer never came; a change is made again"


class Bringer:
    """Brings the messages of one notification."""

    def __init__(self, runtime: Runtime, caller: Caller, notification_id: int) -> None:
        self._runtime, self._caller = runtime, caller
        self._notification_id = notification_id

    def bring(
        self,
        provider: Provider,
        url: str,
        message: ChatMessage,
        destination_id: int,
        story: Story | None,
        on_wire: Callable[[], None],
    ) -> Receipt:
        """Send a message, or change the one that it follows up.

        `story`: the one article that it tells; of a list, or of a message of the service, none.
        """
        number = f"{self._notification_id}-{destination_id}"
        if story is None or not isinstance(provider, Editor):
            on_wire()
            caller = self._in_time()
            receipt = provider.send(caller, url, message, number)
            return replace(receipt, said=receipt.said or words_of(caller.heard))
        place = self._runtime.vault.keyed_hash("chat-place", provider.place(url))
        before = self._before(destination_id, story, place)
        on_wire()
        caller, left = self._in_time(), ""
        if before:
            receipt = self._change(caller, provider, url, before, message, story, number)
            if receipt.outcome.state != DeliveryState.REJECTED:
                if receipt.outcome.state == DeliveryState.SENT:
                    self._note(destination_id, story, place, receipt.message_id or before)
                return receipt
            why = without_secrets(receipt.outcome.detail, url)
            left = f"message {before} could not be changed: {why}"
        receipt = provider.send(caller, url, message, number)
        if receipt.outcome.state in (DeliveryState.SENT, DeliveryState.UNKNOWN):
            self._note(destination_id, story, place, receipt.message_id)
        if left and receipt.outcome.state == DeliveryState.SENT:
            detail = f"sent as a new message; {left}"
            return replace(receipt, outcome=replace(receipt.outcome, detail=detail))
        return receipt

    def _in_time(self) -> Caller:
        return self._caller.until(time.monotonic() + MESSAGE_S)

    def _before(self, destination_id: int, story: Story, place: str) -> str:
        """The message of this chat that a correction or a withdrawal changes; empty: none."""
        if story.kind == NotificationKind.NEW:
            return ""
        with self._runtime.db.read() as session:
            found = sent.find(session, destination_id, story.article_id, place)
            return found.message_id if found is not None else ""

    def _change(
        self,
        caller: Caller,
        provider: Editor,
        url: str,
        before: str,
        message: ChatMessage,
        story: Story,
        number: str,
    ) -> Receipt:
        is_gone = story.kind == NotificationKind.WITHDRAWAL
        act, did = (provider.withdraw, "withdrew") if is_gone else (provider.edit, "edited")
        receipt = act(caller, url, before, message, number)
        outcome = receipt.outcome
        if outcome.state == DeliveryState.SENT:
            return replace(receipt, outcome=replace(outcome, detail=f"{did} message {before}"))
        if outcome.state == DeliveryState.UNKNOWN:
            return replace(receipt, outcome=Outcome(DeliveryState.DEFERRED, DOUBT, AGAIN))
        return receipt

    def _note(self, destination_id: int, story: Story, place: str, message_id: str) -> None:
        """Remember what the chat shows now, or that nobody knows by which number.

        The answer counts more than this: without it a correction is a message of its own.
        """
        with suppress(SQLAlchemyError), self._runtime.db.write() as session:
            if message_id:
                at = (destination_id, story.article_id, place)
                sent.note(session, *at, message_id, story.revision_id)
            else:
                sent.forget(session, destination_id, story.article_id)
