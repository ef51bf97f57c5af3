"""Letting a text out of quarantine: staff read it, and say that it only looks damaged."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.ledger.holding import hold_stored
from service.models import Article, ArticleState, Revision, RevisionState


class ReleaseError(ValueError):
    """There is nothing to let out; the text says why."""


def release_text(session: Session, article: Article, now: datetime) -> None:
    """Have a locked article's newest text classified, and its news held, as if it came now.

    Raises:
        ReleaseError: that text is not in quarantine.
    """
    revision = session.get_one(Revision, article.revision_id, with_for_update=True)
    if revision.state != RevisionState.QUARANTINED:
        raise ReleaseError("its newest text was not taken for damaged")
    revision.state, revision.is_sound, revision.rung_at = RevisionState.RECEIVED, True, now
    revision.attempts, revision.failure = 0, None
    if article.state == ArticleState.PUBLISHED:
        hold_stored(session, article, now, revision.request_id)
