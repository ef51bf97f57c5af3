"""What staff do to the deliveries of one article: pause, resume, cancel, resend the missing."""

from __future__ import annotations

from collections import Counter

from sqlalchemy.orm import Session

from service.admin import halt_acts
from service.admin.article_acts import Doer, acting
from service.jobs import queue
from service.ledger import resend
from service.ledger.pausing import Target
from service.models import HaltScope


def pause(doer: Doer, article_id: int, *, reason: str) -> None:
    """Let what is unsent of an article wait.

    Raises:
        Refused: it is paused already.
    """
    halt_acts.pause(doer, _article(article_id), reason)


def resume(doer: Doer, article_id: int, *, reason: str = "") -> None:
    """Send what waited.

    Raises:
        Refused: it is not paused.
    """
    halt_acts.resume(doer, _article(article_id), reason)


def cancel(doer: Doer, article_id: int, *, reason: str) -> int:
    """Leave unsent for good what is not sent yet; it stays in the feeds. Returns the number of the
    job that settles what no worker has in hand.

    Raises:
        Refused: there is no such article, or it is outside of the person's topics.
    """
    return halt_acts.cancel(doer, _article(article_id), reason)


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


def _article(article_id: int) -> Target:
    return Target(HaltScope.ARTICLE, article_id, str(article_id))
