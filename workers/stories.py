"""Finds what tells the same event as an article that is being classified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify.stories import Match, Shingles, is_same_story, shingles
from service.ledger.stories import Telling, recent
from service.models import Revision

CACHED = 2_000  # articles of three days in a busy city, a few hundred numbers each
STEP = 500  # texts read at a time


class Same(NamedTuple):
    """The article that tells the same event, and why it is thought so."""

    article_id: int
    evidence: dict[str, Any]


def same_story(
    session: Session,
    article_id: int,
    own: Shingles,
    place_ids: Collection[int],
    at: datetime,
) -> Same | None:
    """The article that one with the words `own` repeats most; null where there is none.

    The first call reads the texts; one soon after it finds them at hand, and costs a query.
    """
    tellings = recent(session, article_id, place_ids, at)
    known = _shingles_of(session, tellings)
    best: tuple[Match, int] | None = None
    for telling in tellings:
        match = is_same_story(own, known[telling.content_hash])
        if match is not None and (best is None or match.value > best[0].value):
            best = match, telling.article_id
    return None if best is None else Same(best[1], asdict(best[0]))


_known: dict[str, Shingles] = {}  # by the hash of the content, which they follow from


def _shingles_of(session: Session, tellings: Collection[Telling]) -> dict[str, Shingles]:
    found = {t.content_hash: _known[t.content_hash] for t in tellings if t.content_hash in _known}
    unknown = [t.revision_id for t in tellings if t.content_hash not in found]
    for start in range(0, len(unknown), STEP):
        step = unknown[start : start + STEP]
        for content_hash, *texts in session.execute(
            select(
                Revision.content_hash, Revision.title, Revision.summary, Revision.body_text
            ).where(Revision.id.in_(step))
        ):
            found[content_hash] = shingles(*texts)
    if len(_known) + len(unknown) > CACHED:
        _known.clear()
    _known.update(found)
    return found
