"""Matrix: an account of the city's in a room, by the client-server API.

A message is put under its own number, which a homeserver takes once from one token, however often
it is sent. A correction is a message that replaces another (`m.replace`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import Caller, Reply
from workers.chat.providers.provider import Receipt, receipt_of, refusal, unread, waits
from workers.chat.providers.written import as_text, in_bytes

LONGEST = 20_000  # bytes: an event has 65,536 at most, and a correction holds its text twice
API = "/_matrix/client/v3"
NOTICE = "m.notice"
_ERROR = re.compile(r"[A-Z_]{1,60}")


@dataclass(frozen=True)
class Account:
    """The city's account at a homeserver."""

    caller: Caller
    origin: str
    token: str

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Reply:
        headers = {"Authorization": f"Bearer {self.token}"}
        address = f"{self.origin}{API}{path}"
        return self.caller.call(method, address, headers=headers, json=body)

    def enter(self, room: str) -> tuple[str, Reply]:
        """The number of a room, which the account is in from now on; empty: it was refused."""
        reply = self.ask("POST", f"/join/{quote(room, safe='')}", {})
        return room_of(reply), reply

    def say(
        self, room: str, message: ChatMessage, number: str, kind: str = NOTICE, instead: str = ""
    ) -> Receipt:
        """Put a message into a room, or in the place of another one there."""
        content = _content(message, kind)
        if instead:
            content = {
                **_content(message, kind, "* "),
                "m.new_content": content,
                "m.relates_to": {"rel_type": "m.replace", "event_id": instead},
            }
        path = f"/rooms/{quote(room, safe='')}/send/m.room.message/{quote(number, safe='')}"
        reply = self.ask("PUT", path, content)
        event = reply.json().get("event_id")
        if not reply.is_ok:
            return matrix_receipt(reply)
        return receipt_of(reply, instead or event) if isinstance(event, str) else unread(reply)

    def replace(
        self, room: str, event: str, message: ChatMessage, number: str, kind: str = NOTICE
    ) -> Receipt:
        """Replace a message, if it still stands there: a homeserver takes what replaces one that
        somebody deleted, and nobody sees it."""
        path = f"/rooms/{quote(room, safe='')}/event/{quote(event, safe='')}"
        reply = self.ask("GET", path)
        if not reply.is_ok:
            return matrix_receipt(reply)
        content = reply.json().get("content")
        if not isinstance(content, dict) or "msgtype" not in content:
            return refusal(404, "the message was deleted")
        return self.say(room, message, number, kind, event)


def room_of(reply: Reply) -> str:
    found = reply.json().get("room_id")
    is_one = reply.is_ok and isinstance(found, str) and found.startswith("!")
    return str(found) if is_one else ""


def matrix_receipt(reply: Reply) -> Receipt:
    """Of a refusal the ledger keeps the code alone: the words name people."""
    if reply.status is None:
        return receipt_of(reply)
    if reply.is_ok:
        return unread(reply)
    said = reply.json()
    code = said.get("errcode")
    why = code if isinstance(code, str) and _ERROR.fullmatch(code) else ""
    return refusal(reply.status, why, waits(reply, said.get("retry_after_ms"), 0.001))


def without_doubt(receipt: Receipt) -> Receipt:
    """Before the message itself was sent nothing is in doubt: it is tried again."""
    outcome = receipt.outcome
    if outcome.state != DeliveryState.UNKNOWN:
        return receipt
    return Receipt(Outcome(DeliveryState.DEFERRED, "connect", outcome.detail))


def _content(message: ChatMessage, kind: str, mark: str = "") -> dict[str, Any]:
    """`m.mentions`: nobody's attention is called."""
    text = as_text(message, LONGEST, in_bytes)
    return {"msgtype": kind, "body": f"{mark}{text}", "m.mentions": {}}
