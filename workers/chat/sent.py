"""Remembering which message of ours stands in which chat."""

from __future__ import annotations

from sqlalchemy.orm import Session

from service.db import utcnow
from service.models import SentMessage


def find(session: Session, destination_id: int, article_id: int, scheme: str) -> SentMessage | None:
    """The message about an article that this chat shows, if it can be reached by this scheme."""
    found = session.get(SentMessage, (destination_id, article_id))
    return found if found is not None and found.scheme == scheme else None


def note(
    session: Session,
    destination_id: int,
    article_id: int,
    scheme: str,
    message_id: str,
    revision_id: int | None,
) -> None:
    """Remember a message that was sent or changed; the chat's last one about the article counts."""
    session.merge(
        SentMessage(
            destination_id=destination_id,
            article_id=article_id,
            scheme=scheme,
            message_id=message_id[:300],
            revision_id=revision_id,
            at=utcnow(),
        )
    )


def forget(session: Session, found: SentMessage) -> None:
    """It is not there any more."""
    session.delete(session.merge(found))
