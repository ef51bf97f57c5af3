"""Telegram: a bot of the city's writes to a channel, a group or a person (Bot API 9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar

from apprise.plugins.telegram import NotifyTelegram

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import Caller, Reply
from workers.chat.providers.by_apprise import ByApprise
from workers.chat.providers.provider import Editor, Receipt, receipt_of, refusal, unread, waits
from workers.chat.targets import target_of

# Refusals with 400 that say: this chat is over, or is none of this bot's.
_GONE = re.compile(
    "chat not found|bot was kicked|bot was blocked|user is deactivated|group chat was deactivated|"
    "not enough rights to send|have no rights to send|peer_id_invalid",
    re.IGNORECASE,
)
_SAME = "message is not modified"
# What lets a message be deleted that cannot be edited: it stands there.
_STANDS = re.compile("can't be edited|too old|no text in the message", re.IGNORECASE)


@dataclass(frozen=True)
class _Chat:
    token: str
    chat: int | str
    topic: int | None
    is_silent: bool
    has_preview: bool
    has_image: bool


class Telegram(Editor):
    """Answers say `ok`, and by `error_code` and `description` why not.

    A bot edits its own messages without a limit of time, and deletes them for 48 hours.
    """

    schemes = frozenset({"tgram"})
    api: ClassVar[str] = "https://api.telegram.org"

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        found = _read(url)
        if found is None:  # such as a bot without a chat, whose owner Apprise finds
            return ByApprise().send(caller, url, message, number)
        fields: dict[str, Any] = {"disable_notification": found.is_silent, **_text(found, message)}
        if found.topic is not None:
            fields["message_thread_id"] = found.topic
        return self._ask(caller, found, "sendMessage", fields)

    def place(self, url: str) -> str:
        found = _read(url)
        return f"tgram {found.token.partition(':')[0]} {found.chat}" if found else url

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        found = _read(url)
        if found is None or not re.fullmatch("[0-9]{1,18}", message_id, re.ASCII):
            return refusal(400, "no message of this chat")
        fields = {"message_id": int(message_id), **_text(found, message)}
        receipt = self._ask(caller, found, "editMessageText", fields)
        if receipt.outcome.state == DeliveryState.REJECTED and _SAME in receipt.outcome.detail:
            return Receipt(Outcome(DeliveryState.SENT, "200"), message_id)  # done by an earlier try
        return receipt

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        receipt = self.edit(caller, url, message_id, message, number)
        found, outcome = _read(url), receipt.outcome
        if found and outcome.state == DeliveryState.REJECTED and _STANDS.search(outcome.detail):
            self._ask(caller, found, "deleteMessage", {"message_id": int(message_id)})
        return receipt

    def _ask(self, caller: Caller, to: _Chat, method: str, fields: dict[str, Any]) -> Receipt:
        """Call a method. A group that became a supergroup has another number, by which it is
        asked again: nothing came of the first request."""
        reply = self._call(caller, to, method, {"chat_id": to.chat, **fields})
        moved = _parameters(reply).get("migrate_to_chat_id")
        if isinstance(moved, int):
            reply = self._call(caller, to, method, {"chat_id": moved, **fields})
        return _receipt(reply)

    def _call(self, caller: Caller, to: _Chat, method: str, body: dict[str, Any]) -> Reply:
        return caller.call("POST", f"{self.api}/bot{to.token}/{method}", json=body)


def _read(url: str) -> _Chat | None:
    target = target_of(url)
    if not isinstance(target, NotifyTelegram) or len(target.targets) != 1:
        return None
    ((chat, topic),) = target.targets
    has_image = not re.search("[?&]image=(no|off|false|0)", url, re.IGNORECASE)
    return _Chat(
        target.bot_token, chat, topic, bool(target.silent), bool(target.preview), has_image
    )


def _text(to: _Chat, message: ChatMessage) -> dict[str, Any]:
    """HTML, with the article's image as the preview; without one, of the link if that is wanted."""
    written = message.written("telegram")
    preview: dict[str, Any] = {"is_disabled": not to.has_preview}
    if written.image_url and to.has_image:
        preview = {"url": written.image_url, "prefer_large_media": True}
    return {"text": written.text, "parse_mode": "HTML", "link_preview_options": preview}


def _parameters(reply: Reply) -> dict[str, Any]:
    found = reply.json().get("parameters")
    return found if isinstance(found, dict) else {}


def _receipt(reply: Reply) -> Receipt:
    said = reply.json()
    if said.get("ok") is True:
        result = said.get("result")
        number = result.get("message_id") if isinstance(result, dict) else None
        return receipt_of(reply, str(number) if isinstance(number, int) else "")
    if said.get("ok") is not False:
        return unread(reply) if reply.is_ok else receipt_of(reply)
    code, why = said.get("error_code"), str(said.get("description", ""))
    status = code if isinstance(code, int) and 400 <= code < 600 else reply.status or 400
    if status < 400:
        status = 400
    if status == 400 and _GONE.search(why):
        status = 410
    return refusal(status, why, waits(reply, _parameters(reply).get("retry_after")))
