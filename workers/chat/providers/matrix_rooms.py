"""Matrix rooms of channels, by the addresses that staff paste."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from apprise.plugins.matrix import NotifyMatrix
from apprise.plugins.matrix.base import IS_ROOM_ALIAS, IS_ROOM_ID, MatrixWebhookMode

from service.messages.chat import ChatMessage
from workers.calls import Caller, Reply
from workers.chat.providers.by_apprise import ByApprise
from workers.chat.providers.matrix import API, Account, matrix_receipt, without_doubt
from workers.chat.providers.provider import Receipt, refusal
from workers.chat.targets import target_of

FOUND_AGAIN_S = 600.0  # how long it is remembered where a homeserver is


@dataclass(frozen=True)
class _Room:
    target: Any
    name: str  # as the address says it

    @property
    def kind(self) -> str:
        return f"m.{self.target.msgtype}"


class MatrixRooms:
    """By a token, or by a name and a password, with which it signs in once a process."""

    schemes = frozenset({"matrix", "matrixs"})

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str, str], str] = {}
        self._origins: dict[str, tuple[float, str]] = {}

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        room = _read(url)
        if room is None:  # a webhook bridge, or a person
            return ByApprise().send(caller, url, message, number)
        found = self._enter(caller, room)
        if isinstance(found, Receipt):
            return found
        account, inside = found
        return account.say(inside, message, number, room.kind)

    def place(self, url: str) -> str:
        room = _read(url)
        if room is None:
            return url
        target = room.target
        who = target.user or target.password
        return f"matrix {target.host}:{target.port} {room.name} {who}"

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        room = _read(url)
        if room is None:
            return refusal(400, "no message of this room")
        found = self._enter(caller, room)
        if isinstance(found, Receipt):
            return found
        account, inside = found
        return account.replace(inside, message_id, message, number, room.kind)

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        return self.edit(caller, url, message_id, message, number)

    def _enter(self, caller: Caller, room: _Room) -> tuple[Account, str] | Receipt:
        """The account of an address and the number of its room, which it is in from now on; or why
        not. Until here nothing is in doubt: no message was sent."""
        account = self._account(caller, room.target)
        if isinstance(account, Receipt):
            return account
        inside, reply = account.enter(_full(account, room))
        if inside:
            return account, inside
        if reply.status == 401:  # a token that ended is asked for again at the next message
            self._tokens.pop(_key(account.origin, room.target), None)
        return without_doubt(matrix_receipt(reply))

    def _account(self, caller: Caller, target: Any) -> Account | Receipt:
        origin = self._origin(caller, target)
        if not target.user:
            return Account(caller, origin, target.password)
        key = _key(origin, target)
        if key not in self._tokens:
            reply = _sign_in(caller, *key)
            token = reply.json().get("access_token")
            if not reply.is_ok or not isinstance(token, str):
                return without_doubt(matrix_receipt(reply))
            self._tokens[key] = token
        return Account(caller, origin, self._tokens[key])

    def _origin(self, caller: Caller, target: Any) -> str:
        """Where the homeserver of a name answers: as its `.well-known` says, else there itself."""
        port = f":{target.port}" if target.port else ""
        here = f"{'https' if target.secure else 'http'}://{target.host}{port}"
        if not target.secure or not target.discovery:
            return here
        until, found = self._origins.get(here, (0.0, ""))
        if time.monotonic() < until:
            return found
        reply = caller.call("GET", f"{here}/.well-known/matrix/client")
        origin = _base_url(reply) or here
        if reply.status is not None and reply.status < 500:
            self._origins[here] = (time.monotonic() + FOUND_AGAIN_S, origin)
        return origin


def _key(origin: str, target: Any) -> tuple[str, str, str]:
    return origin, target.user or "", target.password


def _sign_in(caller: Caller, origin: str, user: str, password: str) -> Reply:
    return caller.call(
        "POST",
        f"{origin}{API}/login",
        json={
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user},
            "password": password,
            "initial_device_display_name": "Tellal",
        },
    )


def _base_url(reply: Reply) -> str:
    """The address of a `.well-known` answer, where it is one that a token may go to."""
    server = reply.json().get("m.homeserver") if reply.is_ok else None
    said = server.get("base_url") if isinstance(server, dict) else None
    try:
        parts = urlsplit(said.rstrip("/")) if isinstance(said, str) else None
        is_fit = parts is not None and parts.scheme == "https" and bool(parts.hostname)
        if parts is None or not is_fit or parts.query or parts.fragment or "@" in parts.netloc:
            return ""
    except ValueError:
        return ""
    return parts.geturl()


def _read(url: str) -> _Room | None:
    target = target_of(url)
    if not isinstance(target, NotifyMatrix) or target.mode != MatrixWebhookMode.DISABLED:
        return None
    if target.users or len(target.rooms) != 1 or not target.password:
        return None
    return _Room(target, target.rooms[0])


def _full(account: Account, room: _Room) -> str:
    """The room with its mark and server, which an address may leave out."""
    by_id = IS_ROOM_ID.match(room.name)
    found = by_id or IS_ROOM_ALIAS.match(room.name)
    if found is None:
        return room.name
    name = f"{'!' if by_id else '#'}{found['room']}"
    if found["home_server"]:
        return f"{name}:{found['home_server']}"
    if by_id and not room.target.hsreq:  # since version 12 of rooms their numbers name no server
        return name
    who = account.ask("GET", "/account/whoami").json().get("user_id")
    _, _, server = who.partition(":") if isinstance(who, str) else ("", "", "")
    return f"{name}:{server or room.target.host}"
