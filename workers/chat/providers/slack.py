"""Slack: an incoming webhook, which only sends, or a bot, which also edits and deletes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from apprise.plugins.slack import NotifySlack, SlackMode

from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import Caller, Reply
from workers.chat.providers.by_apprise import ByApprise
from workers.chat.providers.provider import Editor, Receipt, receipt_of, refusal, unread, waits
from workers.chat.targets import target_of

# Slack refuses with HTTP 200 and a word. These statuses say the same; all other words say 400.
_STATUS = {
    **dict.fromkeys(
        (
            *("not_authed", "invalid_auth", "token_revoked", "token_expired", "account_inactive"),
            *("no_permission", "org_login_required", "two_factor_setup_required"),
        ),
        401,
    ),
    **dict.fromkeys(
        (
            *("not_in_channel", "missing_scope", "access_denied", "ekm_access_denied"),
            *("restricted_action", "restricted_action_read_only_channel", "not_allowed_token_type"),
            *("restricted_action_non_threadable_channel", "team_access_not_granted"),
            *("restricted_action_thread_locked", "restricted_action_thread_only_channel"),
        ),
        403,
    ),
    **dict.fromkeys(("channel_not_found", "team_not_found", "message_not_found"), 404),
    "is_archived": 410,
    **dict.fromkeys(("ratelimited", "rate_limited", "message_limit_exceeded"), 429),
    **dict.fromkeys(
        (
            "internal_error",
            "fatal_error",
            "service_unavailable",
            "request_timeout",
            "team_added_to_org",
        ),
        503,
    ),
}
_STANDS = frozenset({"cant_update_message", "edit_window_closed", "block_mismatch"})


@dataclass(frozen=True)
class _Room:
    target: NotifySlack
    channel: str
    thread: str

    @property
    def is_bot(self) -> bool:
        return bool(self.target.mode == SlackMode.BOT)


class Slack(Editor):
    """A bot's messages are known by their channel and time (`C0123:1503435956.000247`)."""

    schemes = frozenset({"slack"})
    api: ClassVar[str] = "https://slack.com/api"
    hooks: ClassVar[str] = "https://hooks.slack.com/services"
    hooks_gov: ClassVar[str] = "https://hooks.slack-gov.com/services"

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        room = _read(url)
        if room is None:  # such as a workflow, or a person named by an email address
            return ByApprise().send(caller, url, message, number)
        body = _text(message)
        if room.thread:
            body["thread_ts"] = room.thread
        if room.channel:
            body["channel"] = room.channel
        if room.is_bot:
            return self._ask(caller, room, "chat.postMessage", body)
        return _hook_receipt(caller.call("POST", self._hook(room.target), json=body))

    def place(self, url: str) -> str:
        room = _read(url)
        return f"slack {room.channel} {room.thread}" if room and room.is_bot else url

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        return self._at(caller, url, message_id, "chat.update", _text(message))

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        receipt = self.edit(caller, url, message_id, message, number)
        outcome = receipt.outcome
        if outcome.state == DeliveryState.REJECTED and outcome.detail.split(" ")[-1] in _STANDS:
            self._at(caller, url, message_id, "chat.delete", {})
        return receipt

    def _at(
        self, caller: Caller, url: str, message_id: str, method: str, body: dict[str, Any]
    ) -> Receipt:
        room, (channel, _, time) = _read(url), message_id.partition(":")
        if room is None or not room.is_bot or not time:
            return refusal(400, "no message of this channel")
        return self._ask(caller, room, method, {"channel": channel, "ts": time, **body})

    def _ask(self, caller: Caller, room: _Room, method: str, body: dict[str, Any]) -> Receipt:
        headers = {"Authorization": f"Bearer {room.target.access_token}"}
        return _receipt(caller.call("POST", f"{self.api}/{method}", headers=headers, json=body))

    def _hook(self, target: NotifySlack) -> str:
        base = self.hooks_gov if target.mode == SlackMode.WEBHOOK_GOV else self.hooks
        tokens = (target.token_a, target.token_b, target.token_c)
        return "/".join((base, *(quote(str(one), safe="") for one in tokens)))


def _read(url: str) -> _Room | None:
    target = target_of(url)
    modes = (SlackMode.BOT, SlackMode.WEBHOOK, SlackMode.WEBHOOK_GOV)
    if not isinstance(target, NotifySlack) or target.mode not in modes:
        return None
    channel, _, thread = str(target.channels[0] or "").partition(":")
    if "@" in channel[1:]:
        return None
    return _Room(target, channel.removeprefix("+"), thread)


def _text(message: ChatMessage) -> dict[str, Any]:
    """An image that cannot be fetched is not shown in an attachment; in a block it would have the
    message refused."""
    written = message.written("slack")
    image = {"fallback": written.image_alt, "image_url": written.image_url}
    return {
        "text": written.text,
        "mrkdwn": True,
        "attachments": [image] if written.image_url else [],
    }


def _receipt(reply: Reply) -> Receipt:
    said = reply.json()
    if reply.is_ok and said.get("ok") is True:
        channel, time = said.get("channel"), said.get("ts")
        is_known = isinstance(channel, str) and isinstance(time, str)
        return receipt_of(reply, f"{channel}:{time}" if is_known else "")
    word = said.get("error")
    if said.get("ok") is not False or not isinstance(word, str):
        return unread(reply) if reply.is_ok else receipt_of(reply)
    status = reply.status if reply.status and not reply.is_ok else _STATUS.get(word, 400)
    return refusal(status, word, waits(reply, None))


def _hook_receipt(reply: Reply) -> Receipt:
    """A webhook answers `ok`, or a word with a status."""
    word = reply.body[:200].decode("utf-8", "replace").strip()
    if not reply.is_ok:
        return receipt_of(reply, why=word if word.replace("_", "").isalnum() else "")
    if word == "ok":
        return receipt_of(reply)
    return refusal(_STATUS[word], word) if word in _STATUS else unread(reply)
