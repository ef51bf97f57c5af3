"""Sending one after the other: for protocols that answer each message before the next one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from service.ledger.journal import JournalError
from service.ledger.lease import LeaseLost, Row
from service.ledger.outcome import Outcome
from service.logs import get_logger
from service.models import DeliveryState
from workers.courier import Courier, PeerAwayError
from workers.parcel import NotNowError, NotToBeSentError, Parcel

log = get_logger(__name__)

BROKE_ON_THE_WIRE = Outcome(DeliveryState.UNKNOWN, detail="an error came before the answer")

Send = Callable[[Row, Callable[[], None]], Outcome]


class OneByOne(ABC):
    """A sender whose `send` brings one delivery to its outcome."""

    def send_all(self, courier: Courier) -> None:
        while send_next(courier, self.send):
            pass

    @abstractmethod
    def send(self, row: Row, on_wire: Callable[[], None]) -> Outcome:
        """Send one delivery; call `on_wire` right before its first byte leaves, and let what
        it raises pass.

        Raises:
            PeerAwayError: nothing was sent, and nothing else could be now.
        """


def send_next(courier: Courier, send: Send) -> bool:
    """Bring the next delivery of a batch to its outcome; False: there is none left."""
    parcel = courier.take()
    if parcel is None:
        return False
    try:
        outcome = outcome_of(parcel, send)
    except NotNowError:  # the next look finds what else is paused
        courier.put_back(parcel)
    else:
        courier.answer(parcel, outcome)
    return True


def outcome_of(parcel: Parcel, send: Send) -> Outcome:
    """Send one delivery. An error of our own costs this delivery a try, and no other one."""
    try:
        return send(parcel.row, parcel.on_wire)
    except NotToBeSentError as error:
        return error.outcome
    except (PeerAwayError, LeaseLost, NotNowError, JournalError, SQLAlchemyError):
        raise
    except Exception as error:
        log.exception("delivery broke", destination_id=parcel.destination_id)
        if parcel.is_begun:
            return BROKE_ON_THE_WIRE
        return Outcome(DeliveryState.DEFERRED, "internal", type(error).__name__)
