"""What staff do to the deliveries of one article: pause, resume, cancel, resend the missing."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.orm import Session

from service.admin.article_acts import Doer, acting
from service.db import utcnow
from service.jobs import queue
from service.ledger import cancel as cancelling
from service.ledger import halts, resend
from service.ledger.hold import free_held
from service.ledger.refused import N_, Refused
from service.models import HaltScope

ARTICLE = HaltScope.ARTICLE


def pause(doer: Doer, article_id: int, *, reason: str) -> None:
    """Let what is unsent of an article wait.

    Raises:
        Refused: it is paused already.
    """
    detail = {"scope": ARTICLE.value}
    with acting(doer, "deliveries.pause", article_id, reason=reason, **detail) as (session, _):
        who = doer.actor.staff_id
        if not halts.pause(session, ARTICLE, article_id, reason, who, utcnow()):
            raise Refused(N_("It is paused already."))


def resume(doer: Doer, article_id: int, *, reason: str = "") -> None:
    """Send what waited.

    Raises:
        Refused: it is not paused.
    """
    detail = {"scope": ARTICLE.value}
    with acting(doer, "deliveries.resume", article_id, reason=reason, **detail) as (session, _):
        if not halts.resume(session, ARTICLE, article_id, utcnow()):
            raise Refused(N_("It is not paused."))
    runtime = doer.runtime
    free_held(runtime.db, runtime.doorbell, ARTICLE, article_id, utcnow())


def cancel(doer: Doer, article_id: int, *, reason: str) -> None:
    """Leave unsent for good what is not sent yet; it stays in the feeds.

    Raises:
        Refused: there is no such article, or it is outside of the person's topics.
    """
    now, detail = utcnow(), {"scope": ARTICLE.value}
    with acting(doer, "deliveries.cancel", article_id, reason=reason, **detail) as (session, _):
        cancelling.cancel(session, ARTICLE, article_id, reason, doer.actor.staff_id, now)
    runtime = doer.runtime
    cancelling.settle_cancelled(runtime.db, runtime.doorbell, ARTICLE, article_id, now)


def count_missing(session: Session, article_id: int) -> Counter[str]:
    """Who may be told now and was not, by what became of them.

    Raises:
        ResendError: nobody may be told of it, or nobody was to be told yet.
    """
    return resend.missing(session, *resend.news_of(session, article_id, for_update=False))


def resend_missing(doer: Doer, article_id: int, *, with_unknown: bool, reason: str) -> int:
    """Start the job that sends it to exactly those who did not get it; returns its number.

    Raises:
        Refused: it cannot be resent.
    """
    detail = {"unknown": with_unknown}
    with acting(doer, "deliveries.resend-missing", article_id, reason=reason, **detail) as (
        session,
        _,
    ):
        resend.news_of(session, article_id, for_update=True)
        params = {"article": article_id, "unknown": with_unknown}
        job = queue.start(session, "resend", doer.actor.staff_id, **params)
    queue.ring(doer.runtime, job.id)
    return job.id
