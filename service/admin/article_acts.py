"""What staff do to one article, by page, API or command line: each act with its line in the log.

A refusal leaves neither an effect nor a line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.admin.scope import require_scope
from service.db import utcnow
from service.ledger import publish, republishing, stories
from service.ledger.approve import approve as give_approval
from service.ledger.attempts import ask_again
from service.ledger.followup import follow, is_forgotten
from service.ledger.refused import N_, Refused
from service.models import (
    Article,
    ArticleState,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    RevisionState,
)
from service.runtime import Runtime
from service.tasks import Queue, Task

LONGEST_HOLD_MIN = 7 * 24 * 60


@dataclass(frozen=True)
class Doer:
    """Who acts. `check` is asked of the locked article before anything is done, and may raise."""

    runtime: Runtime
    actor: Actor
    check: Callable[[Session, Article], None] = lambda _session, _article: None


class Told(StrEnum):
    """Whether those who got an article are told what became of it."""

    WILL_BE = "will_be"
    NOBODY = "nobody"  # nobody was told of it
    FORGOTTEN = "forgotten"  # the ledger no longer knows who was told


@contextmanager
def acting(
    doer: Doer, act: str, article_id: int, *, reason: str = "", **detail: Any
) -> Iterator[tuple[Session, Article]]:
    """One transaction with the locked article, and the act in the log.

    Raises:
        Refused: there is no such article, or it is outside of the person's topics.
    """
    if reason:
        detail["reason"] = reason
    with doer.runtime.db.write() as session:
        article = session.get(Article, article_id, with_for_update=True)
        if article is None:
            raise Refused(N_("there is no article %(number)s"), number=article_id)
        doer.check(session, article)
        require_scope(session, doer.actor.staff_id, article)
        acts.record(session, doer.runtime.vault, doer.actor, act, article_id, **detail)
        yield session, article


def hold(doer: Doer, article_id: int, *, minutes: int, reason: str) -> datetime:
    """Keep back news that is held, for so many minutes from now; returns until when.

    Raises:
        Refused: it is not held, or too long.
    """
    if not 1 <= minutes <= LONGEST_HOLD_MIN:
        raise Refused(N_("Hold it for 1 minute to 7 days."))
    until = utcnow() + timedelta(minutes=minutes)
    with acting(doer, "article.hold", article_id, reason=reason, until=until) as (session, article):
        _held(session, article).release_at = until
    return until


def release(doer: Doer, article_id: int, *, reason: str) -> None:
    """Let held news go now, whatever hold or wait for review is left.

    Raises:
        Refused: it is not held, was withdrawn, or its text is not classified yet.
    """
    now = utcnow()
    with acting(doer, "article.release", article_id, reason=reason) as (session, article):
        notification = _held(session, article)
        notification.release_at = now
        session.flush()
        if not publish.release(session, notification.id, now, timedelta(0)):
            raise Refused(N_("Its newest text is not classified yet, so nobody can be told."))
    _ring_plan(doer.runtime, notification)


def withdraw(
    doer: Doer, article_id: int, *, tell: bool = False, note: str = "", reason: str = ""
) -> Told | None:
    """Take an article back, whatever its CMS sends; null where nobody was to be told of that.

    Raises:
        Refused: there is no such article, or it is outside of the person's topics.
    """
    detail = {"tell": tell, "note": note}
    with acting(doer, "article.withdraw", article_id, reason=reason, **detail) as (
        session,
        article,
    ):
        publish.withhold(session, article, utcnow())
        return _tell(session, article, NotificationKind.WITHDRAWAL, note) if tell else None


def republish(
    doer: Doer, article_id: int, *, tell: bool = False, note: str = "", reason: str = ""
) -> tuple[bool, Told | None]:
    """Publish again what staff withdrew; False where its CMS has withdrawn it too by now.

    Raises:
        Refused: it is not staff who keep it withdrawn.
    """
    detail = {"tell": tell, "note": note}
    with acting(doer, "article.republish", article_id, reason=reason, **detail) as (
        session,
        article,
    ):
        is_back = republishing.republish(session, article, utcnow())
        is_told = is_back and tell
        kind = NotificationKind.CORRECTION
        return is_back, _tell(session, article, kind, note) if is_told else None


def correct(doer: Doer, article_id: int, *, note: str = "", reason: str = "") -> Told:
    """Tell those who got an older text that it was corrected.

    Raises:
        Refused: it is withdrawn, damaged, or advertising.
    """
    with acting(doer, "article.correct", article_id, reason=reason, note=note) as (
        session,
        article,
    ):
        number = {"number": article_id}
        if article.state != ArticleState.PUBLISHED:
            text = N_("article %(number)s is withdrawn; there is nothing to correct")
            raise Refused(text, **number)
        revision = session.get(Revision, article.revision_id)
        if revision is None or revision.state == RevisionState.QUARANTINED:
            text = N_(
                "the newest text of article %(number)s arrived damaged and is told to nobody;"
                " have its CMS send it again, or release it in the review"
            )
            raise Refused(text, **number)
        if article.is_commercial:
            text = N_("article %(number)s is advertising by now, which is told to nobody")
            raise Refused(text, **number)
        return _tell(session, article, NotificationKind.CORRECTION, note)


def approve(doer: Doer, article_id: int, *, reason: str = "") -> int:
    """Let urgent news break quiet hours and summaries; returns how many more must say so.

    Raises:
        Refused: it is not urgent, is over, or this person has said so already.
    """
    needed = doer.runtime.settings.urgent_approvals
    with acting(doer, "article.approve", article_id, reason=reason) as (session, article):
        news = _news(session, article)
        if news is None:
            raise Refused(N_("article %(number)s has no notification"), number=article_id)
        return give_approval(session, news.id, doer.actor.staff_id, utcnow(), needed)


def reclassify(doer: Doer, article_id: int, *, reason: str) -> None:
    """Have a text classified once more that was given up, or lost on its way.

    Raises:
        Refused: its newest text is classified, or arrived damaged.
    """
    with acting(doer, "article.reclassify", article_id, reason=reason) as (session, article):
        revision_id = article.revision_id
        if revision_id is None or not ask_again(session, revision_id, utcnow()):
            raise Refused(N_("Its newest text was classified, or waits for a word in the review."))
    doer.runtime.doorbell.ring(Task.CLASSIFY_REVISION, revision_id)


def split(doer: Doer, article_id: int, *, reason: str = "") -> bool:
    """Let an article be a story of its own; true where more people will be told.

    Raises:
        Refused: it is linked to no other.
    """
    with acting(doer, "story.split", article_id, reason=reason) as (session, _):
        return stories.split(session, article_id, utcnow())


def _news(session: Session, article: Article) -> Notification | None:
    query = select(Notification).where(Notification.article_id == article.id)
    query = query.where(Notification.kind == NotificationKind.NEW)
    return session.scalar(query.order_by(Notification.id.desc()).limit(1))


def _held(session: Session, article: Article) -> Notification:
    if article.state != ArticleState.PUBLISHED:
        raise Refused(N_("it was withdrawn"))
    news = _news(session, article)
    if news is not None:
        session.refresh(news, with_for_update=True)
    if news is None or news.state != NotificationState.HELD:
        raise Refused(N_("It is not held any more: look at what became of it."))
    return news


def _tell(session: Session, article: Article, kind: NotificationKind, note: str) -> Told:
    if follow(session, article, kind, note, utcnow(), "") is not None:
        return Told.WILL_BE
    return Told.FORGOTTEN if is_forgotten(session, article.id) else Told.NOBODY


def _ring_plan(runtime: Runtime, notification: Notification) -> None:
    queue = Queue.URGENT if notification.is_urgent else Queue.FANOUT
    runtime.doorbell.ring(Task.PLAN_NOTIFICATION, notification.id, queue)
