"""ntfy: a topic of ntfy.sh or of another server.

Since its version 2.16 a message may bear a number of its sender's (`sequence_id`), and a newer one
of that number takes its place. A server that knows such numbers says ours in its answer; of one
that does not, no message is known, and corrections come as messages of their own.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Any, ClassVar

from apprise.plugins.ntfy import NotifyNtfy, NtfyAuth, NtfyMode, NtfyPriority

from service.messages.chat import ChatMessage
from workers.calls import Caller, Reply
from workers.chat.providers.provider import Editor, Receipt, receipt_of, refusal, unread
from workers.chat.targets import NO_TARGET, target_of

_PRIORITIES = {
    NtfyPriority.MIN: 1,
    NtfyPriority.LOW: 2,
    NtfyPriority.HIGH: 4,
    NtfyPriority.MAX: 5,
}
_NUMBER = re.compile(r"[-_A-Za-z0-9]{1,64}", re.ASCII)


@dataclass(frozen=True)
class _Topic:
    origin: str
    topic: str
    headers: dict[str, str]
    extra: dict[str, Any]  # what the address wants of each message


class Ntfy(Editor):
    """A newer message of the same number replaces the one before on Android and in browsers; where
    it does not (iOS), it is one more message, which tells the correction just as well."""

    schemes = frozenset({"ntfy", "ntfys"})
    cloud: ClassVar[str] = "https://ntfy.sh"

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        found = self._read(url)
        if found is None:
            return Receipt(NO_TARGET)
        said = {"topic": found.topic, **_fields(message), **found.extra}
        if _NUMBER.fullmatch(number):
            said["sequence_id"] = number
        reply = caller.call("POST", f"{found.origin}/", headers=found.headers, json=said)
        return _receipt(reply, number)

    def place(self, url: str) -> str:
        found = self._read(url)
        return f"{found.origin}/{found.topic}" if found else url

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        return self.send(caller, url, message, message_id)

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        return self.send(caller, url, message, message_id)

    def _read(self, url: str) -> _Topic | None:
        target = target_of(url)
        if not isinstance(target, NotifyNtfy) or len(target.topics) != 1:
            return None
        origin = self.cloud
        headers: dict[str, str] = {}
        if target.mode != NtfyMode.CLOUD:
            port = f":{target.port}" if isinstance(target.port, int) else ""
            origin = f"{'https' if target.secure else 'http'}://{target.host}{port}"
            headers = _authorization(target)
        parsed: dict[str, Any] = NotifyNtfy.parse_url(url)
        if parsed.get("actions"):  # as UTF-8, which is how ntfy reads its headers
            headers["X-Actions"] = str(parsed["actions"]).encode().decode("latin-1")
        return _Topic(origin, target.topics[0], headers, _extra(target, parsed))


def _fields(message: ChatMessage) -> dict[str, Any]:
    written = message.written("ntfy")
    wanted = {
        "title": written.title,
        "message": written.body,
        "priority": written.priority,
        "tags": list(written.tags),
        "click": written.url,
        "attach": written.image_url,
    }
    return {name: value for name, value in wanted.items() if value}


def _authorization(target: NotifyNtfy) -> dict[str, str]:
    if target.auth == NtfyAuth.TOKEN and target.token:
        return {"Authorization": f"Bearer {target.token}"}
    if target.auth == NtfyAuth.BASIC and target.user:
        pair = base64.b64encode(f"{target.user}:{target.password or ''}".encode())
        return {"Authorization": f"Basic {pair.decode()}"}
    return {}


def _extra(target: NotifyNtfy, parsed: dict[str, Any]) -> dict[str, Any]:
    wanted = {
        "priority": _PRIORITIES.get(str(target.priority)),
        "tags": parsed.get("xtags"),
        "click": target.click,
        "icon": target.avatar_url,
        "delay": target.delay,
        "email": target.email,
    }
    return {name: value for name, value in wanted.items() if value}


def _receipt(reply: Reply, number: str) -> Receipt:
    said = reply.json()
    if reply.is_ok and not said:
        is_bare = reply.body.strip() in (b"", b"{}")
        return receipt_of(reply) if is_bare else unread(reply)
    status, why = said.get("http"), said.get("error", "")
    if reply.is_ok and isinstance(status, int) and status >= 400:
        return refusal(status, why)
    return receipt_of(reply, number if said.get("sequence_id") == number else "", why=str(why))
