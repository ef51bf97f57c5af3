"""Publishing again what staff had withdrawn: as if its CMS did so at this moment."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service.ledger.holding import hold_stored, is_held
from service.ledger.publish import stamp_feeds, stop_sending
from service.ledger.refused import N_, Refused
from service.models import (
    Article,
    ArticleState,
    NotificationKind,
    Revision,
    RevisionState,
)


class RepublishError(Refused):
    """It cannot be published again; the text says why."""


def republish(session: Session, article: Article, now: datetime) -> bool:
    """Give a locked article back to its CMS; False where that has withdrawn it too by now.

    Its newest text goes to the feeds, and is news only if it never was. Whether those who were
    told hear of it is the caller's business.

    Raises:
        RepublishError: it is not staff who keep it withdrawn.
    """
    if article.withheld_state is None:
        is_public = article.state == ArticleState.PUBLISHED
        raise RepublishError(
            N_("it is published")
            if is_public
            else N_("its CMS withdrew it, and can publish it again")
        )
    is_back = article.withheld_state == ArticleState.PUBLISHED
    article.withheld_state = None
    if is_back:
        _publish(session, article, now)
    return is_back


def _publish(session: Session, article: Article, now: datetime) -> None:
    article.state, article.withdrawn_at = ArticleState.PUBLISHED, None
    article.published_at = article.published_at or now
    session.flush()
    stop_sending(session, article, now, NotificationKind.WITHDRAWAL)
    # Locked: whoever classifies it at this moment still saw a withheld article, and shows nothing.
    revision = session.get_one(Revision, article.revision_id, with_for_update=True)
    revision.created_at = now  # newer than its withdrawal, which feeds have told (RFC 6721)
    if revision.state == RevisionState.CLASSIFIED:
        article.shown_revision_id = revision.id
    if revision.state != RevisionState.QUARANTINED:
        hold_stored(session, article, now, revision.request_id)
    if article.shown_revision_id is not None and not is_held(session, article):
        stamp_feeds(session, article.id, now)
