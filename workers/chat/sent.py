"""Remembering which message of ours stands in which chat."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy.orm import Session

from service.db import utcnow
from service.models import Destination, SentMessage

LONGEST = 300  # letters of a number; a longer one is none


def find(session: Session, destination_id: int, article_id: int, place: str) -> SentMessage | None:
    """The message about an article that this chat shows, if it still stands at this place."""
    found = session.get(SentMessage, (destination_id, article_id))
    return found if found is not None and found.place == place else None


def note(
    session: Session,
    destination_id: int,
    article_id: int,
    place: str,
    message_id: str,
    revision_id: int | None,
) -> None:
    """Remember a message that was sent or changed; the chat's last one about the article counts.

    Of a chat that ended meanwhile nothing is remembered.
    """
    chat = session.get_one(Destination, destination_id)
    has_ended = chat.verified_at is None or chat.is_paused  # a person's; a removed channel
    if has_ended or len(message_id) > LONGEST or "\0" in message_id:
        return forget(session, destination_id, article_id)
    session.merge(
        SentMessage(
            destination_id=destination_id,
            article_id=article_id,
            place=place,
            message_id=message_id,
            revision_id=revision_id,
            at=utcnow(),
        )
    )
    return None


def forget(session: Session, destination_id: int, article_id: int) -> None:
    """Nobody knows any more by which number the chat shows it."""
    session.execute(
        delete(SentMessage).where(
            SentMessage.destination_id == destination_id, SentMessage.article_id == article_id
        )
    )
