"""Sends a batch of chat messages."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.channel_pause import pause_itself
from service.ledger.lease import Lease, Row
from service.ledger.outcome import Outcome
from service.logs import get_logger
from service.messages.chat import ChatMessage, about, channel_test
from service.messages.chat_paper import chat_paper
from service.messages.story import Story, tell
from service.models import Batch, Channel, ChannelTest, DeliveryState, Notification
from service.runtime import Runtime
from service.tasks import Queue, Task
from workers.calls import Caller
from workers.chat import testing
from workers.chat.answers import without_secrets
from workers.chat.bringing import Bringer
from workers.chat.crowd import Crowd
from workers.chat.gate import Gate
from workers.chat.lists import heading_of, list_message, stories_of
from workers.chat.personal import PersonalChats
from workers.chat.providers import Receipt, provider_of
from workers.chat.rests import Rests
from workers.chat.webhooks import Webhooks, is_webhook
from workers.courier import Courier, FullError
from workers.deliver import deliver_batch
from workers.one_by_one import Send
from workers.turnstile import Entry, Turnstile

log = get_logger(__name__)

BROKEN = frozenset({"401", "403", "404", "410"})  # the channel itself is gone or refuses us
PRESSING = (Queue.URGENT, Queue.TRANSACTIONAL)
TURNSTILE, RESTS = Turnstile(), Rests()


class ChatSender:
    """Opens each channel's URL only for as long as one message takes; people's chats likewise.

    `rests_s`: for how long the batch was handed back because the service has had enough for now.
    """

    def __init__(self, runtime: Runtime, lease: Lease, *, is_pressing: bool = False) -> None:
        """`is_pressing`: it may have what the service's rate keeps for urgent news."""
        self._runtime, self._lease = runtime, lease
        self.rests_s: float | None = None
        self._gate = Gate(runtime, is_pressing=is_pressing)
        self._story: Story | None = None
        self._urls: dict[int, str] = {}
        self._messages: dict[str, ChatMessage] = {}
        self._test: ChannelTest | None = None
        self._heading = ""
        self._caller = Caller(runtime.settings, runtime.settings.allow_private_hosts)
        self._bringer = Bringer(runtime, self._caller, lease.notification_id)

    def prepare(self, session: Session) -> int | None:
        """Read what the next slice tells, anew: the article may have a newer text by now."""
        notification = session.get_one(Notification, self._lease.notification_id)
        found = session.execute(select(Channel.id, Channel.sealed_url)).all()
        self._urls = {row.id: row.sealed_url for row in found}
        self._test = testing.test_of(session, notification, self._urls)
        self._heading = heading_of(notification)
        self._people = PersonalChats(self._runtime, self._bringer, self._gate, notification)
        self._webhooks = Webhooks(self._runtime, self._lease, self._caller)
        self._messages = {}
        if notification.article_id is not None:
            self._story = tell(session, notification)
        repeated = self._webhooks.prepare(session, notification, self._story)
        return self._story.revision_id if self._story else repeated

    def send_all(self, courier: Courier) -> None:
        try:
            Crowd(self._as_prepared).run(courier)
        except FullError as error:
            self.rests_s = error.retry_after_s or None
            raise

    def _as_prepared(self) -> Send:
        """What sends the slice that was prepared last: a copy keeps its story and addresses."""
        return copy.copy(self).send

    def send(self, row: Row, on_wire: Callable[[], None]) -> Outcome:
        channel_id = row["channel_id"]
        if channel_id is None:
            return self._people.send(row, self._story, on_wire)
        sealed_url, test = self._urls[channel_id], self._test
        if not sealed_url:
            return testing.DROPPED
        url = self._runtime.vault.decrypt(sealed_url)
        began = time.monotonic()
        receipt = self._send(row, url, on_wire)
        took_s, outcome = time.monotonic() - began, receipt.outcome
        if outcome.detail and outcome.state != DeliveryState.SENT:  # then they are our own words
            outcome = replace(outcome, detail=without_secrets(outcome.detail, url))
        if test is not None:
            said = without_secrets(receipt.said, url)
            with suppress(SQLAlchemyError):  # its outcome is in the ledger all the same
                testing.note(self._runtime.db, test, outcome, receipt.message_id, said, took_s)
        is_refused = outcome.state == DeliveryState.REJECTED and outcome.code in BROKEN
        if is_refused and not (test and test.is_of_next):
            with suppress(SQLAlchemyError):  # the answer counts more; the next one pauses it
                self._pause(channel_id, sealed_url, outcome)
        is_test = self._story is None and "letter" not in row
        if is_test and outcome.state == DeliveryState.SENT:
            # Staff who test a channel want to read the answer.
            return replace(outcome, detail=f"the service answered {outcome.code}")
        return outcome

    def _send(self, row: Row, url: str, on_wire: Callable[[], None]) -> Receipt:
        scheme = url.partition("://")[0]
        is_next = self._test is not None and self._test.is_of_next  # such may come twice
        if not is_webhook(url) and not is_next and (moved := self._webhooks.elsewhere(scheme)):
            return Receipt(moved)
        with self._gate.at_channel(url) as visit:
            enter = visit.entering(on_wire)
            if is_webhook(url):
                receipt = self._webhooks.send(row, url, enter)
            else:
                at = (provider_of(scheme), url, self._message(row))
                receipt = self._bringer.bring(*at, row["destination_id"], self._story, enter)
            visit.note(receipt.outcome)
        return receipt

    def _message(self, row: Row) -> ChatMessage:
        """What a slice of the batch tells, written once for each language; a list for each room."""
        language, settings = row["language"], self._runtime.settings
        if "letter" in row:
            with self._runtime.db.read() as session:
                stories = stories_of(session, row)
            return list_message(settings, self._heading, stories, row["letter"].more, language)
        if language not in self._messages:
            paper, story = chat_paper(settings.config_dir), self._story
            told = about(story, language, paper) if story else channel_test(language, paper)
            self._messages[language] = told
        return self._messages[language]

    def close(self) -> None:
        """Every call hangs up by itself."""

    def _pause(self, channel_id: int, sealed_url: str, outcome: Outcome) -> None:
        with self._runtime.db.write() as session:
            pause_itself(session, channel_id, sealed_url, outcome.detail, utcnow())
        log.error("channel paused", channel_id=channel_id, code=outcome.code)


def send_chat_batch(runtime: Runtime, batch_id: int) -> None:
    """Send every message of a batch that is due, as far as the service takes them at this time.

    A lane has few of this worker's threads, and none while its service takes nothing: then its
    batches wait in line, and go on one after the other.
    """
    with runtime.db.read() as session:
        batch = session.get(Batch, batch_id)
    if batch is None:
        return
    lane, queue = batch.lane, Queue(batch.queue)
    ring = partial(runtime.doorbell.ring_soon, Task.CHAT_BATCH, batch_id, queue)
    if queue == Queue.TRANSACTIONAL:  # somebody waits for it
        _deliver(runtime, batch_id, is_pressing=True)
        return
    with TURNSTILE.passed(lane, batch_id, ring) as entry:
        if entry is not Entry.THROUGH or RESTS.is_resting((lane, queue), batch_id, ring):
            return
        rests_s: float | None = None
        try:
            rests_s = _deliver(runtime, batch_id, is_pressing=queue in PRESSING)
        finally:
            RESTS.leave((lane, queue), batch_id, ring, rests_s)


def _deliver(runtime: Runtime, batch_id: int, *, is_pressing: bool) -> float | None:
    opened: list[ChatSender] = []

    def open_sender(runtime: Runtime, lease: Lease) -> ChatSender:
        opened.append(ChatSender(runtime, lease, is_pressing=is_pressing))
        return opened[0]

    deliver_batch(runtime, batch_id, open_sender)
    return opened[0].rests_s if opened else None
