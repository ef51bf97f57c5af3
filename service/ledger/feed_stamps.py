"""What feeds ask before all else: when did any of the lists that I join change last?"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select, text, update
from sqlalchemy.orm import Session

from service.archive.index import Lists
from service.db import utcnow
from service.models import ArchivedEntry, ArchiveMonth, FeedDeparture, FeedStamp
from service.models.listing import ANY

_NEXT = text("UPDATE feed_clock SET seq = seq + 1 RETURNING seq")
_STAMP = text("""
    INSERT INTO feed_stamp (topic_id, place_id, seq, at) VALUES (:topic, :place, :seq, :at)
    ON CONFLICT (topic_id, place_id) DO UPDATE SET seq = excluded.seq, at = excluded.at
""")
_DEPART = text("""
    INSERT INTO feed_departure (topic_id, place_id, article_id, seq, at)
    VALUES (:topic, :place, :article, :seq, :at)
    ON CONFLICT (topic_id, place_id, article_id) DO UPDATE SET seq = excluded.seq, at = excluded.at
""")


def next_change(session: Session, now: datetime) -> tuple[int, datetime]:
    """The next number of the feed clock, which is locked from here on, and the time of its change.

    `now` may be of before a long wait for the lock. Readers that know a feed by its time alone
    would miss a change that seems older than the one before, so times never fall: whoever comes
    later has a later number and no earlier time.
    """
    seq: int = session.execute(_NEXT).scalar_one()
    # Every change of an article stamps this list.
    last = session.scalar(
        select(FeedStamp.at).where(FeedStamp.topic_id == ANY, FeedStamp.place_id == ANY)
    )
    return seq, max(now, utcnow(), last or now)


def stamp(session: Session, lists: Lists, seq: int, now: datetime) -> None:
    """Note that these lists changed with this number of the feed clock, which is locked."""
    if lists:
        session.execute(_STAMP, _values(lists, seq=seq, at=now))


def note_departure(
    session: Session, article_id: int, before: Lists, after: Lists, seq: int, now: datetime
) -> None:
    """Remember which lists a withdrawn article was in; forget it once it is in any again."""
    if after:
        session.execute(delete(FeedDeparture).where(FeedDeparture.article_id == article_id))
    elif before:
        session.execute(_DEPART, _values(before, article=article_id, seq=seq, at=now))


def stamp_months(session: Session, article_id: int, seq: int, now: datetime) -> None:
    """Note that the closed months that hold an article say something else of it from now on.

    The clock is locked, and a closing takes a number of it too: none of both misses the other.
    """
    holding = select(ArchivedEntry.month).where(ArchivedEntry.article_id == article_id)
    session.execute(
        update(ArchiveMonth)
        .where(ArchiveMonth.number.in_(holding), ArchiveMonth.closed_seq.is_not(None))
        .values(changed_seq=seq, changed_at=now)
    )


def _values(lists: Lists, **values: object) -> list[dict[str, object]]:
    return [{"topic": topic, "place": place, **values} for topic, place in sorted(lists)]
