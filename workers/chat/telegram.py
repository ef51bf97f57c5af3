"""What people write to the city's Telegram bot: the link that proves a chat, and /stop.

The bot is asked every few seconds; nothing listens. Reading the same message twice does no harm:
a link works once, and what has stopped has stopped.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

import requests
from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from service.db import utcnow
from service.ledger.batches import ring_batch
from service.logs import get_logger
from service.models import Batch, ChatInbox
from service.outbound import Exchange, GuardedSession, GuardPolicy
from service.personal_chat import ChatKind
from service.runtime import Runtime
from service.subscriptions.target_claims import prove_telegram
from service.subscriptions.targets import stop_chat

log = get_logger(__name__)

API = "https://api.telegram.org"
MOST = 100  # messages of one answer, and as many as one look takes
TIMEOUT_S = 10.0
# After a week without messages their numbers begin anew, anywhere (Bot API, `Update`).
FORGET_OFFSET_AFTER = timedelta(days=6)
LEFT = frozenset({"kicked", "left"})


def poll_telegram(runtime: Runtime) -> None:
    """Read what is new in the bot's inbox, if there is a bot."""
    offer = runtime.settings.chat_offer
    if ChatKind.TELEGRAM not in offer.kinds:
        return
    bot = offer.telegram_token.partition(":")[0]
    with runtime.db.write() as session:
        offset = _offset(session, bot)
    for message in _updates(runtime, offer.telegram_token, offset):
        _take(runtime, bot, message)


def _take(runtime: Runtime, bot: str, message: dict[str, Any]) -> None:
    """Do what one message asks for, and remember that it was read, in one transaction."""
    number = message.get("update_id")
    if not isinstance(number, int) or not 0 <= number < 2**62:
        return
    with runtime.db.write() as session:
        batch = _act(session, runtime, message)
        session.execute(
            update(ChatInbox)
            .where(ChatInbox.bot == bot)
            .where(or_(ChatInbox.next_offset <= number, ChatInbox.read_at < _long_ago()))
            .values(next_offset=number + 1, read_at=utcnow())
        )
    if batch is not None:
        ring_batch(runtime.doorbell, batch)


def _act(session: Session, runtime: Runtime, message: dict[str, Any]) -> Batch | None:
    """People's own chats count, groups do not: there nobody speaks for all."""
    said, moved = message.get("message"), message.get("my_chat_member")
    chat_id = _private_chat(said if isinstance(said, dict) else moved)
    if chat_id is None:
        return None
    if isinstance(said, dict):
        text = said.get("text")
        word, _, rest = text.strip().partition(" ") if isinstance(text, str) else ("", "", "")
        if word == "/start":
            vault, settings = runtime.vault, runtime.settings
            token, request_id = rest.strip(), secrets.token_hex(8)
            return prove_telegram(session, vault, settings, token, chat_id, request_id)
        if word == "/stop":
            stop_chat(session, runtime.vault, chat_id)
    elif isinstance(moved, dict):
        member = moved.get("new_chat_member")
        if isinstance(member, dict) and member.get("status") in LEFT:
            stop_chat(session, runtime.vault, chat_id)
    return None


def _private_chat(said: object) -> int | None:
    chat = said.get("chat") if isinstance(said, dict) else None
    if not isinstance(chat, dict) or chat.get("type") != "private":
        return None
    number = chat.get("id")
    return number if isinstance(number, int) and 0 < number < 2**62 else None


def _offset(session: Session, bot: str) -> int:
    """From where to read on."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(ChatInbox).values(bot=bot).on_conflict_do_nothing())
    found = session.get_one(ChatInbox, bot)
    return found.next_offset if found.read_at > _long_ago() else 0


def _long_ago() -> datetime:
    return utcnow() - FORGET_OFFSET_AFTER


def _updates(runtime: Runtime, token: str, offset: int) -> list[dict[str, Any]]:
    """The messages from a number on; none where the service does not answer well."""
    seen: list[Exchange] = []
    body: dict[str, Any] = {
        "offset": offset,
        "limit": MOST,
        "allowed_updates": ["message", "my_chat_member"],
    }
    try:
        policy = GuardPolicy(runtime.settings.allow_private_hosts)
        with GuardedSession(policy, seen.append) as session:
            answer = session.post(f"{API}/bot{token}/getUpdates", json=body, timeout=TIMEOUT_S)
        found = answer.json() if answer.ok else {}
    except (requests.RequestException, ValueError, OSError):
        found = {}
    result = found.get("result") if isinstance(found, dict) else None
    if not isinstance(result, list):
        status = seen[-1].status if seen else None
        log.warning("the bot's inbox cannot be read", status=status)
        return []
    return [one for one in result[:MOST] if isinstance(one, dict)]
