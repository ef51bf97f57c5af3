"""Discord: a webhook of one channel, which edits and deletes what it sent (API 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from apprise.plugins.discord import NotifyDiscord

from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import Caller, Reply
from workers.chat.providers.provider import Editor, Receipt, receipt_of, refusal, unread, waits
from workers.chat.targets import NO_TARGET, target_of


@dataclass(frozen=True)
class _Hook:
    path: str
    hook_id: str
    thread: str
    extra: dict[str, Any]  # the name and picture that the address gives our messages

    def query(self, **more: str) -> str:
        asked = {**more, **({"thread_id": self.thread} if self.thread else {})}
        return f"?{urlencode(asked)}" if asked else ""


class Discord(Editor):
    """`wait=true` makes it answer with the message, and so with its number. No name in a text
    rings anybody."""

    schemes = frozenset({"discord"})
    api: ClassVar[str] = "https://discord.com/api/v10"

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        hook = _read(url)
        if hook is None:
            return Receipt(NO_TARGET)
        address = f"{self.api}{hook.path}{hook.query(wait='true')}"
        return _receipt(caller.call("POST", address, json={**hook.extra, **_text(message)}))

    def place(self, url: str) -> str:
        hook = _read(url)
        return f"discord {hook.hook_id}" if hook else url

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        hook = _read(url)
        if hook is None:
            return Receipt(NO_TARGET)
        return _receipt(caller.call("PATCH", self._of(hook, message_id), json=_text(message)))

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        receipt = self.edit(caller, url, message_id, message, number)
        hook, outcome = _read(url), receipt.outcome
        if hook and outcome.state == DeliveryState.REJECTED and outcome.code == "400":
            caller.call("DELETE", self._of(hook, message_id))
        return receipt

    def _of(self, hook: _Hook, message_id: str) -> str:
        return f"{self.api}{hook.path}/messages/{quote(message_id, safe='')}{hook.query()}"


def _read(url: str) -> _Hook | None:
    target = target_of(url)
    if not isinstance(target, NotifyDiscord):
        return None
    hook_id, token = str(target.webhook_id), str(target.webhook_token)
    extra = {
        "username": target.user,
        "avatar_url": target.avatar_url,
        "flags": target.flags,
    }
    return _Hook(
        f"/webhooks/{quote(hook_id, safe='')}/{quote(token, safe='')}",
        hook_id,
        str(target.thread_id or ""),
        {name: value for name, value in extra.items() if value},
    )


def _text(message: ChatMessage) -> dict[str, Any]:
    written = message.written("discord")
    image = {"url": written.image_url}
    return {
        "content": written.text,
        "embeds": [{"image": image}] if written.image_url else [],
        "allowed_mentions": {"parse": []},
    }


def _receipt(reply: Reply) -> Receipt:
    said = reply.json()
    if reply.is_ok:
        found = said.get("id")
        if isinstance(found, str | int) and not isinstance(found, bool):
            return receipt_of(reply, str(found))
        if "code" not in said:
            return receipt_of(reply) if reply.status == 204 else unread(reply)
        return refusal(400, f"{said.get('message', '')} ({said['code']})")
    if reply.status is None or not said:
        return receipt_of(reply)
    why = f"{said.get('message', '')} ({said.get('code', 0)})"
    is_global = said.get("global") is True
    if is_global:
        why += ", for all of our messages"
    wait_s = waits(reply, said.get("retry_after"))
    return refusal(reply.status, why, wait_s, is_global=reply.is_global or is_global)
