"""The last look at digests before they leave: what of each letter may still be told, and why.

Planning has said it once; since then an article may have been withdrawn or corrected, and a reader
may have left. What changed is written down before the letter goes on the wire, so that an item and
the state of its delivery prove who was told which text. Mostly nothing has changed.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, or_, select, text, update
from sqlalchemy.orm import Session

from service.db import BigId, Database
from service.ledger.digest_articles import Candidate, Shown, candidates, shown
from service.ledger.digest_letter import Letter, Wish, choose, without_halted
from service.ledger.halts import halts_of
from service.ledger.lease import Row, frequency_of
from service.ledger.told import TELLS, still_hears
from service.models import (
    Article,
    DigestArticle,
    DigestItem,
    Frequency,
    Notification,
    NotificationKind,
    Subscription,
)

LABELS_FOR_S = 1.0  # that a label changed counts so much later; a new text counts at once

# `new` news that a reader hears of, and digests that told them: one walk along the newest of each
# reader's deliveries. Of another digest only what it told counts, or two would wait for each other.
_HEARD = text(f"""
    SELECT o.destination_id, e.article_id
    FROM delivery o JOIN notification e ON e.id = o.notification_id
    WHERE o.destination_id IN :readers AND o.notification_id >= :first
      AND o.notification_id <> :notification AND e.kind = 'new' AND e.article_id IN :articles
      AND {still_hears("e.article_id")}
    UNION ALL
    SELECT i.destination_id, i.article_id
    FROM digest_item i
    JOIN notification e ON e.id = i.notification_id
    JOIN delivery o ON o.notification_id = i.notification_id
                   AND o.destination_id = i.destination_id
    WHERE i.notification_id IN :digests AND i.destination_id IN :readers
      AND i.article_id IN :articles AND i.revision_id IS NOT NULL AND {TELLS}
""").bindparams(  # noqa: S608
    *(bindparam(name, expanding=True) for name in ("readers", "articles", "digests"))
)
_WRITE = (
    update(DigestItem)
    .where(DigestItem.notification_id == bindparam("notification"))
    .where(DigestItem.destination_id == bindparam("destination"))
    .where(DigestItem.article_id == bindparam("article"))
    .values(
        revision_id=bindparam("revision", type_=BigId),
        subscription_id=bindparam("subscription", type_=BigId),
    )
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True)
class _Around:
    """What is the same for all readers of a digest at one moment."""

    articles: Sequence[Candidate]  # in order of importance
    story_of: Mapping[int, int]  # of every article of their stories
    first: int  # the oldest notification that may have told one of them
    digests: Sequence[int]


class Look:
    """Looks at the items of one notification's readers, slice by slice."""

    def __init__(self, notification_id: int, frequency: Frequency) -> None:
        self._notification_id, self._frequency = notification_id, frequency
        self._around: _Around | None = None
        self._shown: list[Shown] = []
        self._read_at = 0.0
        self._changes: list[dict[str, int | None]] = []

    @classmethod
    def of(cls, session: Session, notification_id: int) -> Look | None:
        """None for a notification that is neither a digest nor a summary."""
        frequency = frequency_of(session, notification_id)
        return None if frequency is None else cls(notification_id, frequency)

    def add_letters(self, session: Session, rows: Sequence[Row]) -> list[Row]:
        """The rows, each with its `letter` as it may be told now; call `write` before any leaves.

        Who cannot be told anything has a letter without items.
        """
        letters = self._letters(session, rows)
        return [{**row, "letter": letters[row["destination_id"]]} for row in rows]

    def is_current(self, session: Session, row: Row) -> bool:
        """Whether a letter that was looked at a while ago may leave as it is."""
        changes = list(self._changes)
        again = self._letters(session, [row])[row["destination_id"]]
        self._changes = changes
        return bool(again == row["letter"])

    def write(self, db: Database) -> None:
        """Write down what differs from what was planned; nothing at all where nothing does."""
        if not self._changes:
            return
        with db.write() as session:
            session.connection().execute(_WRITE, self._changes)
        self._changes = []

    def _letters(self, session: Session, rows: Sequence[Row]) -> dict[int, Letter]:
        around, halts = self._look_around(session), halts_of(session, self._notification_id)
        readers = [row["destination_id"] for row in rows]
        in_doubt = {row["destination_id"] for row in rows if row["is_in_doubt"]}
        planned, wishes = self._planned(session, readers), self._wishes(session, readers)
        heard = self._heard(session, readers, around)
        self._changes = []
        letters = {}
        for row in rows:
            reader = row["destination_id"]
            of_reader = without_halted(wishes[reader], halts)
            letter = choose(
                _not_missed(around.articles, row["paused_from"], row["paused_until"]),
                planned[reader],
                of_reader,
                around.story_of,
                heard[reader],
            )
            letters[reader] = letter
            if reader not in in_doubt:  # what may have arrived already stays as it was said
                self._note_changes(reader, planned[reader], letter)
        return letters

    def _look_around(self, session: Session) -> _Around:
        found = shown(session, self._notification_id)
        now = time.monotonic()
        is_old = now - self._read_at > LABELS_FOR_S
        if self._around is None or is_old or found != self._shown:
            self._around = _around(session, self._notification_id, candidates(session, found))
            self._shown, self._read_at = found, now
        return self._around

    def _planned(
        self, session: Session, readers: Sequence[int]
    ) -> dict[int, dict[int, tuple[int | None, int | None]]]:
        found = session.execute(
            select(
                DigestItem.destination_id,
                DigestItem.article_id,
                DigestItem.revision_id,
                DigestItem.subscription_id,
            )
            .where(DigestItem.notification_id == self._notification_id)
            .where(DigestItem.destination_id.in_(readers))
        )
        items: defaultdict[int, dict[int, tuple[int | None, int | None]]] = defaultdict(dict)
        for reader, article_id, revision_id, subscription_id in found:
            items[reader][article_id] = revision_id, subscription_id
        return items

    def _wishes(self, session: Session, readers: Sequence[int]) -> dict[int, list[Wish]]:
        found = session.execute(
            select(
                Subscription.destination_id,
                Subscription.id,
                Subscription.topic_id,
                Subscription.place_id,
                Subscription.is_local_only,
                Subscription.frequency,
                Subscription.created_at,
            )
            .where(Subscription.destination_id.in_(readers), Subscription.ended_at.is_(None))
            .where(
                or_(
                    Subscription.frequency == self._frequency,
                    Subscription.changed_from == self._frequency,
                )
            )
            .order_by(Subscription.id)
        )
        wishes: defaultdict[int, list[Wish]] = defaultdict(list)
        for row in found:
            until = None if row.frequency == self._frequency else row.created_at
            wish = Wish(row.id, row.topic_id, row.place_id, row.is_local_only, until)
            wishes[row.destination_id].append(wish)
        return wishes

    def _heard(
        self, session: Session, readers: Sequence[int], around: _Around
    ) -> dict[int, set[int]]:
        """The stories that each reader hears of by something else."""
        heard: defaultdict[int, set[int]] = defaultdict(set)
        if not around.story_of:
            return heard
        found = session.execute(
            _HEARD,
            {
                "readers": readers,
                "articles": list(around.story_of),
                "digests": around.digests or [0],
                "first": around.first,
                "notification": self._notification_id,
            },
        )
        for reader, article_id in found:
            heard[reader].add(around.story_of[article_id])
        return heard

    def _note_changes(
        self,
        reader: int,
        planned: Mapping[int, tuple[int | None, int | None]],
        letter: Letter,
    ) -> None:
        told = {item.article_id: item for item in letter.items}
        for article_id, (revision_id, subscription_id) in planned.items():
            item = told.get(article_id)
            revision = item.revision_id if item else None
            subscription = item.subscription_id if item else subscription_id
            if (revision, subscription) != (revision_id, subscription_id):
                self._changes.append(
                    {
                        "notification": self._notification_id,
                        "destination": reader,
                        "article": article_id,
                        "revision": revision,
                        "subscription": subscription,
                    }
                )


def _not_missed(
    articles: Sequence[Candidate], since: datetime | None, until: datetime | None
) -> Sequence[Candidate]:
    """What did not come out while a reader took a break."""
    if since is None or until is None:
        return articles
    return [one for one in articles if not since <= one.released_at < until]


def _around(session: Session, notification_id: int, articles: Sequence[Candidate]) -> _Around:
    ids = [one.article_id for one in articles]
    stories = [one.story_id for one in articles if one.story_id is not None]
    rows = session.execute(
        select(Article.id, Article.story_id).where(
            or_(Article.id.in_(ids), Article.story_id.in_(stories))
        )
    ).all()
    # An article without a story is one of its own; no story has a number below zero.
    story_of = {row.id: row.story_id or -row.id for row in rows}
    news = session.scalars(
        select(Notification.id)
        .where(Notification.article_id.in_(story_of), Notification.kind == NotificationKind.NEW)
        .order_by(Notification.id)
    ).all()
    digests = session.scalars(
        select(DigestArticle.notification_id)
        .where(DigestArticle.article_id.in_(story_of))
        .where(DigestArticle.notification_id != notification_id)
        .distinct()
    ).all()
    return _Around(
        articles,
        story_of,
        news[0] if news else 0,
        sorted(digests),
    )
