"""What became of one article: the records of the two ends against the rows of the ledger.

Lost: somebody should have got it and did not, and the ledger does not say why in words that are
true: rejected only counts where an end did refuse for good, unknown where the ledger says so. A
notification that never got done counts as one more, and so does a feed that does not tell it.

Doubled: an end took more than one message for the same article and destination, or one for somebody
who should have none. It is within unknown if the ledger shows that this delivery was in doubt and
each copy carries the same Message-ID, by which a mailbox can drop it.

Untrue: the ledger says that somebody did not get it, without a doubt, who did.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import CompoundSelect, func, select, union
from sqlalchemy.orm import Session

from service.models import (
    Article,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    DigestArticle,
    Notification,
    NotificationKind,
    NotificationState,
)


@dataclass(frozen=True)
class Said:
    """What the ledger says of one delivery."""

    state: DeliveryState
    is_in_doubt: bool = False


@dataclass(frozen=True)
class Verdict:
    """Counts; the names of those who were wronged, a few of each, are in `victims`."""

    accepted: int
    lost: int
    doubled: int
    doubled_unknown: int
    unknown: int
    untrue: int
    victims: Mapping[str, Sequence[str]]


SOME = 5


def judge(
    expected: Collection[str],
    accepted: Mapping[str, Sequence[str]],
    ledger: Mapping[str, Said],
    refused: Collection[str],
    *,
    is_done: bool,
    is_in_feed: bool = True,
) -> Verdict:
    """Count; `accepted` has the Message-IDs that an end took for each destination."""
    lost = [name for name in expected if not _is_explained(name, accepted, ledger, refused)]
    within, beyond, copies = [], [], {True: 0, False: 0}
    for name, ids in accepted.items():
        extra = len(ids) - (name in expected)
        if extra <= 0:
            continue
        said = ledger.get(name)
        is_unknown = said is not None and said.is_in_doubt and len(set(ids)) == 1
        copies[is_unknown] += extra
        (within if is_unknown else beyond).append(name)
    untrue = [name for name in accepted if name in ledger and _is_untrue(ledger[name])]
    return Verdict(
        accepted=len(accepted),
        lost=len(lost) + (not is_done) + (not is_in_feed),
        doubled=sum(copies.values()),
        doubled_unknown=copies[True],
        unknown=sum(said.is_in_doubt for said in ledger.values()),
        untrue=len(untrue),
        victims={
            "lost": sorted(lost)[:SOME],
            "doubled": sorted(beyond)[:SOME],
            "doubled, unknown": sorted(within)[:SOME],
            "untrue": sorted(untrue)[:SOME],
        },
    )


def _is_explained(
    name: str,
    accepted: Mapping[str, Sequence[str]],
    ledger: Mapping[str, Said],
    refused: Collection[str],
) -> bool:
    if name in accepted:
        return True
    said = ledger.get(name)
    if said is None:
        return False
    return said.state == DeliveryState.UNKNOWN or (
        said.state == DeliveryState.REJECTED and name in refused
    )


def _is_untrue(said: Said) -> bool:
    return said.state not in (DeliveryState.SENT, DeliveryState.UNKNOWN) and not said.is_in_doubt


def is_done(session: Session, mark: str, *, is_digest: bool = False) -> bool:
    """Whether the article has a notification (a digest too, where one is to tell it), and none of
    these is open."""
    found = session.execute(
        select(Notification.kind, Notification.state).where(Notification.id.in_(_telling(mark)))
    ).all()
    kinds = {row.kind for row in found}
    expected = NotificationKind.DIGEST if is_digest else NotificationKind.NEW
    return expected in kinds and {row.state for row in found} == {NotificationState.DONE}


def _telling(mark: str) -> CompoundSelect[int]:
    """The notifications of an article, and the digests that may tell it."""
    of_article = Article.external_id == mark
    return union(
        select(Notification.id)
        .join(Article, Article.id == Notification.article_id)
        .where(of_article),
        select(DigestArticle.notification_id)
        .join(Article, Article.id == DigestArticle.article_id)
        .where(of_article),
    )


def read_ledger(session: Session, mark: str, who: Mapping[int, str]) -> dict[str, Said]:
    """What the ledger says of each delivery of an article, by the name that the ends use."""
    ours = _telling(mark)
    doubts = set(
        session.scalars(
            select(DeliveryAnswer.destination_id).where(
                DeliveryAnswer.notification_id.in_(ours),
                (DeliveryAnswer.code == "unknown")
                | (DeliveryAnswer.state == DeliveryState.UNKNOWN),
            )
        )
    )
    rows = session.execute(
        select(
            Delivery.destination_id,
            func.max(Delivery.state),
            func.max(Delivery.maybe_revision_id),
        )
        .where(Delivery.notification_id.in_(ours))
        .group_by(Delivery.destination_id)
    )
    found = {}
    for destination_id, number, maybe in rows:
        state = DeliveryState(number)
        is_in_doubt = (
            state == DeliveryState.UNKNOWN or maybe is not None or destination_id in doubts
        )
        found[who[destination_id]] = Said(state, is_in_doubt)
    return found
