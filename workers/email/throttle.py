"""The throttle: how many links a lane may use, and when it is left alone for a while.

Additive increase while letters are taken, halved when the other side asks for it, closed after five
such answers in a row (email guide, rule 18). In the lane `other` each domain is closed by itself.
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from service.bounces import is_answer, judge, strip_addresses
from service.db import utcnow
from service.ledger import lanes
from service.ledger.lanes import MOST_LINKS
from service.ledger.layout import BATCH_SIZE
from service.ledger.outcome import CLOSED, Outcome
from service.logs import get_logger
from service.models import BounceVerdict, DeliveryState
from service.runtime import Runtime
from service.tasks import Queue
from workers.courier import PeerAwayError
from workers.email.link import Envelope

log = get_logger(__name__)

GROWS_AFTER = 25  # letters in a row that were taken
IN_A_ROW = 5
STOPPED_FOR = timedelta(minutes=10)  # until somebody looks whether staff let a lane go on
MIXED = "other"  # the lane of many domains


class Throttle:
    """What the batches of one lane may do; one for each batch."""

    def __init__(self, runtime: Runtime, lane: str, queue: str) -> None:
        settings = runtime.settings
        self._runtime, self._lane = runtime, lane
        self._warmup = settings.mail_warmup
        self._is_capped = bool(self._warmup) and queue == Queue.EMAIL
        self._zone = ZoneInfo(settings.timezone)
        now = utcnow()
        with runtime.db.read() as session:
            self._bearing = lanes.bearing(session, lane, self._today(now), self._warmup, now)
            self._is_stopped = queue == Queue.EMAIL and lanes.is_stopped(session, lane)
        self._most_links = self._bearing.links
        # Somebody waits for a sign-in link, which is one letter: it is tried at any time.
        self._closed = {} if queue == Queue.TRANSACTIONAL else dict(self._bearing.closed)
        self._in_a_row: Counter[str] = Counter()
        self._taken_in_a_row = 0
        self._share: int | None = None  # letters that it may send; None: no limit
        self._sent = self._deferred = 0

    @property
    def links(self) -> int:
        """The part of the lane's links that is this batch's."""
        return max(self._most_links // max(self._bearing.senders + 1, 1), 1)

    def wait_until(self) -> datetime | None:
        """Until when nothing may be sent to the whole lane; None: it may."""
        if self._is_stopped:
            return utcnow() + STOPPED_FOR
        if self._is_capped and self._bearing.left == 0:
            return self._tomorrow()
        return self._closed.get(self._lane)

    def begin(self) -> None:
        """Take a share of what the lane may get today, where that is limited.

        Raises:
            PeerAwayError: nothing is left of it.
        """
        if not self._is_capped:
            return
        with self._runtime.db.write() as session:
            today = self._today(utcnow())
            self._share = lanes.take_share(session, self._lane, today, self._warmup, BATCH_SIZE)
        if self._share == 0:
            raise self._had_enough()

    def closed_for(self, recipient: str) -> Outcome | None:
        """What becomes of a letter whose domain is left alone."""
        if not self._closed:
            return None
        until = self._closed.get(self._route(recipient))
        if until is None or until <= utcnow():
            return None
        wait_s = (until - utcnow()).total_seconds()
        return Outcome(DeliveryState.DEFERRED, CLOSED, "", retry_after_s=wait_s)

    def note(self, envelope: Envelope, outcome: Outcome) -> None:
        """Learn from an outcome.

        Raises:
            PeerAwayError: the lane is closed, or has had its letters for today.
            SQLAlchemyError: it is to be closed, and the database is away.
        """
        route = self._route(envelope.recipient)
        if outcome.state == DeliveryState.SENT:
            self._note_sent(route)
        elif is_slow_down(outcome):
            self._deferred += outcome.state == DeliveryState.DEFERRED
            self.slow_down()
            self._in_a_row[route] += 1
            if self._in_a_row[route] >= IN_A_ROW:
                self._close(route, outcome)
        else:
            self._deferred += outcome.state == DeliveryState.DEFERRED

    def slow_down(self) -> None:
        """Somebody said that there are too many of us."""
        self._taken_in_a_row = 0
        self._most_links = max(self._most_links // 2, 1)

    def keep(self) -> None:
        """Leave what was learned to the next batch, and what was not sent of a share."""
        now = utcnow()
        with self._runtime.db.write() as session:
            lanes.note_batch(
                session,
                self._lane,
                self._today(now),
                self._warmup,
                links=self._most_links,
                sent=self._sent - (self._share or 0),
                deferred=self._deferred,
            )
            lanes.heed_complaints(session, self._lane, now)

    def _note_sent(self, route: str) -> None:
        self._in_a_row.pop(route, None)
        self._sent += 1
        self._taken_in_a_row += 1
        if self._taken_in_a_row >= GROWS_AFTER:
            self._taken_in_a_row = 0
            self._most_links = min(self._most_links + 1, MOST_LINKS)
        if self._share is not None and self._sent >= self._share:
            raise self._had_enough()

    def _had_enough(self) -> PeerAwayError:
        wait = self._tomorrow() - utcnow()
        return PeerAwayError(f"{self._lane} has had its letters for today", wait.total_seconds())

    def _close(self, route: str, outcome: Outcome) -> None:
        now, reason = utcnow(), strip_addresses(outcome.detail or outcome.code)
        with self._runtime.db.write() as session:
            until = lanes.close(session, route, reason, now)
        self._in_a_row.pop(route, None)
        self._closed[route] = until
        log.error("mail lane closed", lane=route, detail=reason, until=until.isoformat())
        if route == self._lane:
            wait_s = (until - now).total_seconds()
            raise PeerAwayError(f"{route} refuses one letter after the other: {reason}", wait_s)

    def _route(self, recipient: str) -> str:
        return recipient.rpartition("@")[2] if self._lane == MIXED else self._lane

    def _today(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()

    def _tomorrow(self) -> datetime:
        day = self._today(utcnow()) + timedelta(days=1)
        return datetime.combine(day, time(0, 5), self._zone)


def is_slow_down(outcome: Outcome) -> bool:
    """Whether an answer says that we are unwelcome: 421 and 4.7.x, or a refusal by our own fault
    (email guide, rule 15)."""
    if outcome.state == DeliveryState.DEFERRED:
        return outcome.code.startswith("4.7.") or outcome.detail.startswith("421")
    if outcome.state != DeliveryState.REJECTED or not is_answer(outcome.code):
        return False
    return judge(outcome.code, outcome.detail)[0] is BounceVerdict.OURS
