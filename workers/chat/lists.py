"""Digests and summaries in chat: several articles in one message."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from service.ledger.lease import Row
from service.messages.chat import ChatMessage, listed
from service.messages.chat_paper import chat_paper
from service.messages.story import Story, tell_all
from service.messages.wording import words
from service.models import Frequency, Notification, NotificationKind
from service.settings import Settings


def stories_of(session: Session, row: Row) -> list[Story]:
    """What a digest or a summary tells, the most important first; nothing for other messages."""
    if "letter" not in row:
        return []
    revisions = [item.revision_id for item in row["letter"].items]
    found = {story.revision_id: story for story in tell_all(session, revisions)}
    return [found[one] for one in revisions]


def heading_of(notification: Notification) -> str:
    """The name of the words that stand over a list."""
    if notification.kind != NotificationKind.DIGEST:
        return "summary_heading"
    is_daily = notification.payload.get("frequency") == Frequency.DAILY
    return "daily_heading" if is_daily else "weekly_heading"


def list_message(
    settings: Settings,
    heading: str,
    stories: Sequence[Story],
    more: int,
    language: str,
) -> ChatMessage:
    """Several articles in one message."""
    say = words(language)
    page = f"{settings.public_url}{settings.brand.prefix(language)}/haberler"
    rest = f"{say['digest_more'].format(n=more)}\n{page}" if more else ""
    return listed(say[heading], stories, rest, language, chat_paper(settings.config_dir))
