"""Sends a batch of chat messages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.ledger.lease import Lease, Row
from service.ledger.outcome import Outcome
from service.logs import get_logger
from service.messages.chat import about, channel_test
from service.messages.story import Story, tell
from service.models import Channel, DeliveryState, Notification, NotificationKind
from service.runtime import Runtime
from workers.calls import Caller
from workers.chat import sent
from workers.chat.personal import PersonalChats
from workers.chat.providers import Editor, Receipt, provider_of
from workers.deliver import deliver_batch
from workers.one_by_one import OneByOne

log = get_logger(__name__)

BROKEN = frozenset({"401", "403", "404", "410"})  # the channel itself is gone or refuses us


class ChatSender(OneByOne):
    """Opens each channel's URL only for as long as one message takes; people's chats likewise."""

    def __init__(self, runtime: Runtime, lease: Lease) -> None:
        self._runtime, self._lease = runtime, lease
        self._story: Story | None = None
        self._urls: dict[int, str] = {}
        self._people = PersonalChats(runtime)
        self._caller = Caller(runtime.settings, runtime.settings.allow_private_hosts)

    def prepare(self, session: Session) -> int | None:
        notification = session.get_one(Notification, self._lease.notification_id)
        self._urls = {channel.id: channel.sealed_url for channel in session.query(Channel)}
        self._people.prepare(notification)
        if notification.article_id is None:
            return None
        self._story = tell(session, notification)
        return self._story.revision_id

    def send(self, row: Row, on_wire: Callable[[], None]) -> Outcome:
        channel_id = row["channel_id"]
        if channel_id is None:
            return self._people.send(row, self._story, on_wire)
        url = self._runtime.vault.decrypt(self._urls[channel_id])
        outcome = self._bring(row["destination_id"], url, row["language"], on_wire)
        if outcome.state == DeliveryState.REJECTED and outcome.code in BROKEN:
            with suppress(SQLAlchemyError):  # the answer counts more; the next one pauses it
                self._pause(channel_id, outcome)
        if self._story is None and outcome.state == DeliveryState.SENT:
            # Staff who test a channel want to read the answer.
            return Outcome(outcome.state, outcome.code, f"the service answered {outcome.code}")
        return outcome

    def _bring(
        self, destination_id: int, url: str, language: str, on_wire: Callable[[], None]
    ) -> Outcome:
        """Send the message, or put it in the place of the one that it follows up."""
        story, scheme = self._story, url.partition("://")[0]
        message = about(story, language) if story else channel_test(language)
        provider = provider_of(scheme)
        before = None
        if (
            story is not None
            and story.kind != NotificationKind.NEW
            and isinstance(provider, Editor)
        ):
            with self._runtime.db.read() as session:
                before = sent.find(session, destination_id, story.article_id, scheme)
        on_wire()
        if before is not None and isinstance(provider, Editor):
            is_gone = story is not None and story.kind == NotificationKind.WITHDRAWAL
            act = provider.withdraw if is_gone else provider.edit
            receipt = act(self._caller, url, before.message_id, message)
            if receipt.outcome.state != DeliveryState.REJECTED:
                self._note(destination_id, scheme, receipt)
                return receipt.outcome
        number = f"{self._lease.notification_id}-{destination_id}"
        receipt = provider.send(self._caller, url, message, number)
        self._note(destination_id, scheme, receipt)
        return receipt.outcome

    def _note(self, destination_id: int, scheme: str, receipt: Receipt) -> None:
        story = self._story
        if story is None or not receipt.message_id:
            return
        with suppress(SQLAlchemyError), self._runtime.db.write() as session:
            place = (destination_id, story.article_id, scheme)
            sent.note(session, *place, receipt.message_id, story.revision_id)

    def close(self) -> None:
        """Every call hangs up by itself."""

    def _pause(self, channel_id: int, outcome: Outcome) -> None:
        reason = f"paused by itself: {outcome.detail}"
        with self._runtime.db.write() as session:
            session.execute(
                update(Channel)
                .where(Channel.id == channel_id)
                .values(is_paused=True, pause_reason=reason)
            )
        log.error("channel paused", channel_id=channel_id, code=outcome.code)


def send_chat_batch(runtime: Runtime, batch_id: int) -> None:
    """Send every message of a batch that is due."""
    deliver_batch(runtime, batch_id, ChatSender)
