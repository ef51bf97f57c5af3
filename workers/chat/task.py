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
from service.models import Channel, DeliveryState, Notification
from service.runtime import Runtime
from workers.chat.personal import PersonalChats
from workers.chat.targets import send_to_target
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
        language = row["language"]
        message = about(self._story, language) if self._story else channel_test(language)
        on_wire()
        outcome = send_to_target(url, message, self._runtime.settings.allow_private_hosts)
        if outcome.state == DeliveryState.REJECTED and outcome.code in BROKEN:
            with suppress(SQLAlchemyError):  # the answer counts more; the next one pauses it
                self._pause(channel_id, outcome)
        if self._story is None and outcome.state == DeliveryState.SENT:
            # Staff who test a channel want to read the answer.
            return Outcome(outcome.state, outcome.code, f"the service answered {outcome.code}")
        return outcome

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
