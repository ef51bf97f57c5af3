"""The client-server protocol of Matrix, as much of it as the city speaks with its accounts.

A message goes out under a number (the transaction id of the specification): the homeserver takes a
second one of the same number, by the same account and device, for the first. So each of these
requests may be repeated whenever it is not known what became of it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import Caller, Reply
from workers.chat.providers.provider import receipt_of

API = "/_matrix/client/v3"
RELATIONS = "/_matrix/client/v1"  # where the specification has what follows up an event
DEVICE = "TELLAL"  # the same at each sign-in: another device's numbers are other numbers
MAX_EDITS = 100  # of one message, that are taken back with it
LONGEST_WAIT_MS = 1e9
_CODE = re.compile(r"[A-Z][A-Z0-9_.]{1,63}")

Content = dict[str, Any]


class RefusedError(Exception):
    """A request was not taken, or nobody knows whether it was."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome

    @property
    def status(self) -> str:
        """What the homeserver answered, if it refused for good; else nothing."""
        return self.outcome.code if self.outcome.state == DeliveryState.REJECTED else ""


@dataclass(frozen=True)
class Account:
    """An account of the city at its homeserver.

    Every method raises `RefusedError` where the homeserver did not do what it was asked.
    """

    caller: Caller
    origin: str
    token: str = field(default="", repr=False)

    def signed_in(self, user: str, password: str) -> tuple[Account, str]:
        """The same account with a token, and its full name."""
        found = self._ask(
            "POST",
            f"{API}/login",
            {
                "type": "m.login.password",
                "identifier": {"type": "m.id.user", "user": user},
                "password": password,
                "device_id": DEVICE,
                "initial_device_display_name": "Tellal",
            },
        )
        token, name = _text(found, "access_token"), _text(found, "user_id")
        return Account(self.caller, self.origin, token), name

    def name(self) -> str:
        """Whose token it is: `@news:example.org`."""
        return _text(self._ask("GET", f"{API}/account/whoami"), "user_id")

    def enter(self, room: str) -> str:
        """The id of a room that is named by id or alias, which the account is in from now on."""
        return _text(self._ask("POST", f"{API}/join/{_quoted(room)}", {}), "room_id")

    def make_room(self, alias: str, person: str) -> str:
        """The id of a new room for one person, who is invited."""
        body = {
            "room_alias_name": alias,
            "preset": "private_chat",
            "visibility": "private",
            "is_direct": True,
            "invite": [person],
        }
        return _text(self._ask("POST", f"{API}/createRoom", body), "room_id")

    def say(self, room: str, number: str, content: Content) -> str:
        """Put a message into a room; return the id of its event."""
        path = f"{API}/rooms/{_quoted(room)}/send/m.room.message/{_quoted(number)}"
        return _text(self._ask("PUT", path, content, may_have_arrived=True), "event_id")

    def replace(self, room: str, event: str, number: str, content: Content) -> str:
        """Put another text in the place of a message's; return the id of that message.

        A homeserver takes what replaces a message that somebody deleted, and nobody sees it: so it
        is looked for first.
        """
        found = self._ask("GET", f"{API}/rooms/{_quoted(room)}/event/{_quoted(event)}")
        was = found.get("content")
        if not isinstance(was, dict) or "msgtype" not in was:
            raise RefusedError(Outcome(DeliveryState.REJECTED, "410", "the message was deleted"))
        self.say(room, number, instead_of(event, content))
        return event

    def take_back(self, room: str, event: str, reason: str) -> None:
        """Redact a message, and with it each text that has stood in its place."""
        path = f"{RELATIONS}/rooms/{_quoted(room)}/relations/{_quoted(event)}/m.replace"
        edits = self._ask("GET", f"{path}?limit={MAX_EDITS}").get("chunk")
        for one in edits if isinstance(edits, list) else []:
            if isinstance(one, dict) and isinstance(one.get("event_id"), str):
                self._redact(room, one["event_id"], reason)
        self._redact(room, event, reason)

    def _redact(self, room: str, event: str, reason: str) -> None:
        number = f"gone-{event}"
        path = f"{API}/rooms/{_quoted(room)}/redact/{_quoted(event)}/{_quoted(number)}"
        self._ask("PUT", path, {"reason": reason})

    def _ask(
        self,
        method: str,
        path: str,
        body: Content | None = None,
        *,
        may_have_arrived: bool = False,
    ) -> Content:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        reply = self.caller.call(method, f"{self.origin}{path}", headers=headers, json=body)
        outcome = outcome_of(reply)
        if outcome.state == DeliveryState.UNKNOWN and not may_have_arrived:
            outcome = Outcome(DeliveryState.DEFERRED, "connect", outcome.detail)
        if outcome.state != DeliveryState.SENT:
            raise RefusedError(outcome)
        return reply.json()


def outcome_of(reply: Reply) -> Outcome:
    """What an answer means. Only a homeserver refuses for good, and says why by a code of Matrix: a
    404 without one is the page of a proxy that has lost its homeserver."""
    outcome = receipt_of(reply).outcome
    if reply.status is None or reply.is_ok:
        return outcome
    found = reply.json()
    code = found.get("errcode")
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        if outcome.state == DeliveryState.REJECTED:
            return Outcome(DeliveryState.DEFERRED, reply.code, f"{outcome.detail}, not as Matrix")
        return outcome
    wait_s = _wait_s(found.get("retry_after_ms")) if reply.is_passing else None
    return Outcome(
        outcome.state,
        outcome.code,
        f"{outcome.detail} {code}",
        outcome.retry_after_s if wait_s is None else wait_s,
    )


def message_content(message: ChatMessage, kind: str = "m.notice") -> Content:
    """A message as an event. It mentions nobody, whatever its text looks like."""
    written = message.written("matrix")
    return {
        "msgtype": kind,
        "body": written.plain,
        "format": "org.matrix.custom.html",
        "formatted_body": written.text,
        "m.mentions": {},
    }


def instead_of(event: str, content: Content) -> Content:
    """An event that puts another text in the place of an earlier one's; clients that do not know of
    such things show it with a star before it."""
    return {
        **content,
        "body": f"* {content['body']}",
        "formatted_body": f"* {content['formatted_body']}",
        "m.new_content": content,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event},
    }


def _wait_s(milliseconds: object) -> float | None:
    """How long the homeserver wants to be left alone; nonsense is no time."""
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return None
    return milliseconds / 1000 if 0 <= milliseconds <= LONGEST_WAIT_MS else None


def _text(found: Mapping[str, Any], key: str) -> str:
    """Something that the answer has to say."""
    value = found.get(key)
    if isinstance(value, str) and value:
        return value
    raise RefusedError(Outcome(DeliveryState.DEFERRED, "answer", f"the answer has no {key}"))


def _quoted(part: str) -> str:
    return quote(part, safe="")
