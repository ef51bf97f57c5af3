"""Rooms on Matrix: a number arrives once, a correction stands in the place of its story, and what
was withdrawn is gone from the room."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from service.subscriptions.matrix_rooms import MatrixRoom, room_of
from workers.calls import Caller
from workers.chat.providers.matrix_account import Account, RefusedError, message_content
from workers.chat.providers.matrix_discovery import Discovery
from workers.chat.providers.provider import Editor, Receipt

KEPT, KEPT_S = 256, 600.0  # accounts whose token and rooms are known, and for how long
# What may be mended by signing in or entering once more: a token that has ended, a room that the
# account is not in, an alias that leads to another room by now.
ENDED = "401"
STALE = frozenset({ENDED, "403", "404"})
SENT = Outcome(DeliveryState.SENT, "200")
# The password was taken, and the token that came of it was not: nobody refuses the account.
SUPERSEDED = Outcome(
    DeliveryState.DEFERRED, ENDED, "the account was signed in elsewhere meanwhile", 5.0
)

Put = Callable[[Account, str], str]  # acts in a room; returns the event that stands there now


@dataclass
class _Known:
    """What was learned of an account; its rooms by the name that leads to them."""

    token: str = field(repr=False)
    name: str = ""
    rooms: dict[str, str] = field(default_factory=dict)
    until: float = field(default_factory=lambda: time.monotonic() + KEPT_S)


class Matrix(Editor):
    """The rooms of the city, each by the account in its address. A message is known by its room
    and its event: an alias may lead to another room later."""

    schemes = frozenset({"matrix", "matrixs"})

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, ...], _Known] = OrderedDict()
        self._discovery = Discovery()
        self._turns: dict[tuple[str, ...], threading.Lock] = {}
        self._lock = threading.Lock()

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        place = room_of(url)
        if place is None:
            return _NO_ROOM
        content = message_content(message, place.kind)
        return self._in(
            caller, place, place.room, lambda account, room: account.say(room, number, content)
        )

    def place(self, url: str) -> str:
        found = room_of(url)
        return url if found is None else " ".join((found.origin, found.room, found.who))

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        place = room_of(url)
        if place is None:
            return _NO_ROOM
        room, event = _room_and_event(message_id)
        content = message_content(message, place.kind)
        return self._in(
            caller,
            place,
            room,
            lambda account, room: account.replace(room, event, f"edit-{number}", content),
        )

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        """The message is redacted, and a new one says so: an edit would leave its text readable."""
        place = room_of(url)
        if place is None:
            return _NO_ROOM
        room, event = _room_and_event(message_id)
        content = message_content(message, place.kind)

        def put(account: Account, room: str) -> str:
            account.take_back(room, event, message.title)
            return account.say(room, f"gone-{number}", content)

        return self._in(caller, place, room, put)

    def _in(self, caller: Caller, place: MatrixRoom, room: str, put: Put) -> Receipt:
        """Act in a room; once more from the beginning where what was known of it is stale."""
        if not room:
            return _NO_ROOM
        try:
            known = self._signed_in(caller, place)
            try:
                return self._put(caller, place, known, room, put)
            except RefusedError as error:
                if error.status not in STALE:
                    raise
                if error.status == ENDED:
                    known = self._signed_in(caller, place, ended=known.token)
                return self._put(caller, place, known, room, put, enters=True)
        except RefusedError as error:
            if error.status == ENDED and not place.token:
                return Receipt(SUPERSEDED)
            return Receipt(error.outcome)

    def _put(
        self,
        caller: Caller,
        place: MatrixRoom,
        known: _Known,
        room: str,
        put: Put,
        *,
        enters: bool = False,
    ) -> Receipt:
        """Act in a room by an account; `enters`: it enters the room first, whatever is known."""
        account = Account(caller, self._discovery.origin(caller, place), known.token)
        inside = known.rooms.get(room, "")
        if enters or not (inside or room.startswith("!")):
            name = room
            if room.startswith("#") and ":" not in room:
                known.name = known.name or account.name()
                name = f"{room}:{known.name.partition(':')[2]}"
            inside = known.rooms[room] = account.enter(name)
        inside = inside or room
        return Receipt(SENT, f"{inside} {put(account, inside)}")

    def _signed_in(self, caller: Caller, place: MatrixRoom, ended: str = "") -> _Known:
        """An account whose token is known, or which signs in; `ended`: a token that is none.

        One signs in for all threads: each sign-in ends the token of the one before, for it is the
        same device.
        """
        with self._turn(place.owner):
            with self._lock:
                known = self._known.get(place.owner)
            if known and known.until > time.monotonic() and not (ended and known.token == ended):
                return known
            known = _Known(place.token)
            if not place.token:
                origin = self._discovery.origin(caller, place)
                account, name = Account(caller, origin).signed_in(place.user, place.password)
                known = _Known(account.token, name)
            with self._lock:
                self._known[place.owner] = known
                while len(self._known) > KEPT:
                    self._turns.pop(self._known.popitem(last=False)[0], None)
        return known

    def _turn(self, owner: tuple[str, ...]) -> threading.Lock:
        with self._lock:
            return self._turns.setdefault(owner, threading.Lock())


_NO_ROOM = Receipt(Outcome(DeliveryState.REJECTED, "url", "not the address of a room"))


def _room_and_event(message_id: str) -> tuple[str, str]:
    room, _, event = message_id.partition(" ")
    return room, event
