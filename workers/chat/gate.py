"""The gate: whether a message may leave for its room now, and what its answer means for others."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from service.ledger.outcome import CLOSED, DOUBT, Outcome
from service.logs import get_logger
from service.models import DeliveryState
from service.personal_chat import ChatKind, Offer
from service.runtime import Runtime
from service.subscriptions.chat_addresses import ChatAddress
from service.subscriptions.chat_schemes import HOSTED
from workers.chat.rates import Rates, Room, rates_of
from workers.courier import FullError
from workers.parcel import NotToBeSentError

log = get_logger(__name__)

# Rooms that did not answer lately are tried by so many threads of this process; what else goes to
# such waits, so that many dead channels take no thread from those that live.
SILENT_AT_ONCE = 8
SILENT_WAIT_S = 5.0
# After so many messages in a row without an answer, a service is left alone for a while: what it
# may have taken stays unknown for ever.
IN_A_ROW = 8
AWAY_S = 30.0

_silent = threading.BoundedSemaphore(SILENT_AT_ONCE)


class Gate:
    """Of one batch; thread-safe."""

    def __init__(self, runtime: Runtime, *, is_pressing: bool) -> None:
        self._rates, self._is_pressing = rates_of(runtime), is_pressing
        self._unanswered = Counter[str]()  # in a row, by service
        self._lock = threading.Lock()

    @contextmanager
    def at_channel(self, url: str) -> Iterator[Visit]:
        """For the length of one message to a channel."""
        scheme = url.partition("://")[0]
        with self._visit(self._rates.room(scheme, url), is_alone=scheme not in HOSTED) as visit:
            yield visit

    @contextmanager
    def at_chat(self, offer: Offer, address: ChatAddress) -> Iterator[Visit]:
        """For the length of one message to a person's chat, which has the same rooms as channels
        of the same account."""
        account, scheme = address.host, str(address.kind)
        if address.kind is ChatKind.TELEGRAM:
            account, scheme = offer.telegram_token, "tgram"
        elif address.kind is ChatKind.MATRIX:
            account = urlsplit(offer.matrix_origin).netloc
        room = self._rates.room_of(scheme, account, f"{account}/{address.room}")
        with self._visit(room, is_alone=True) as visit:
            yield visit

    @contextmanager
    def _visit(self, room: Room, *, is_alone: bool) -> Iterator[Visit]:
        visit = Visit(self._rates, room, self, is_alone=is_alone, is_pressing=self._is_pressing)
        try:
            yield visit
        finally:
            visit.leave()

    def is_away(self, room: Room, *, is_silent: bool) -> bool:
        """Count answers that never came; whether so many in a row say that a service is away."""
        with self._lock:
            if not is_silent:
                self._unanswered.pop(room.service, None)
                return False
            self._unanswered[room.service] += 1
            return self._unanswered[room.service] >= IN_A_ROW


class Visit:
    """One message on its way through the gate."""

    def __init__(
        self, rates: Rates, room: Room, gate: Gate, *, is_alone: bool, is_pressing: bool
    ) -> None:
        """`is_alone`: whether its lane is of this service alone, so that all of a batch waits."""
        self._rates, self._room, self._gate = rates, room, gate
        self._is_alone, self._is_pressing = is_alone, is_pressing
        self._was_silent = self._has_place = False

    def entering(self, on_wire: Callable[[], None]) -> Callable[[], None]:
        """`on_wire`, with a look at the rates right before it.

        It raises also:
            FullError: the service has had enough for now.
            NotToBeSentError: the room has; its delivery waits, and no try is counted.
        """

        def enter() -> None:
            self._enter()
            on_wire()

        return enter

    def note(self, outcome: Outcome) -> None:
        """Learn from an answer."""
        is_silent = outcome.state == DeliveryState.UNKNOWN or outcome.code in (DOUBT, "connect")
        if outcome.state == DeliveryState.DEFERRED and outcome.retry_after_s is not None:
            self._rates.close(self._room, outcome.retry_after_s, is_global=outcome.is_global)
        if is_silent or self._was_silent:
            self._rates.note(self._room, is_silent=is_silent)
        if self._gate.is_away(self._room, is_silent=is_silent):
            log.warning("chat service does not answer", next_attempt_s=AWAY_S)
            self._rates.close(self._room, AWAY_S, is_global=True)

    def leave(self) -> None:
        if self._has_place:
            _silent.release()

    def _enter(self) -> None:
        grant = self._rates.take(self._room, is_pressing=self._is_pressing)
        if grant.wait_s and grant.is_of_service and self._is_alone:
            raise FullError("the service's rate is reached", grant.wait_s)
        if grant.wait_s:
            raise NotToBeSentError(_later(grant.wait_s))
        self._was_silent = grant.is_silent
        if grant.is_silent:
            self._has_place = _silent.acquire(blocking=False)
            if not self._has_place:
                raise NotToBeSentError(_later(SILENT_WAIT_S))


def _later(wait_s: float) -> Outcome:
    return Outcome(DeliveryState.DEFERRED, CLOSED, "", retry_after_s=wait_s)
