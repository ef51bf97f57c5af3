"""Finds what tells the same event as an article that is being classified."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify.stories import Match, Shingles, is_same_story, shingles
from service.db import utcnow
from service.ledger.stories import Telling, link, recent, unlink
from service.models import Revision

CACHED = 500_000  # word triples: two thousand articles of some 250 words, about 80 MB
STEP = 500  # texts read at a time
MOST = 10  # of many copies, these say enough about what hangs together


class Same(NamedTuple):
    """An article that tells the same event, and why it is thought so."""

    article_id: int
    evidence: dict[str, Any]


class Comparison:
    """One text against those of recent articles, each of which is looked at once."""

    def __init__(self, own: Shingles) -> None:
        self._own = own
        self._judged: dict[str, Match | None] = {}  # by the hash of the content

    def matches(
        self, session: Session, article_id: int, place_ids: Collection[int], at: datetime
    ) -> list[Same]:
        """The articles that this one repeats, the best match first.

        The first call reads and compares the texts; the next one does so with those alone that
        came meanwhile.
        """
        tellings = recent(session, article_id, place_ids, at)
        new = [telling for telling in tellings if telling.content_hash not in self._judged]
        for content_hash, other in _shingles_of(session, new).items():
            self._judged[content_hash] = is_same_story(self._own, other)
        found = [
            (match, telling.article_id)
            for telling in tellings
            if (match := self._judged[telling.content_hash])
        ]
        found.sort(key=lambda pair: (-pair[0].value, pair[1]))
        return [Same(other_id, asdict(match)) for match, other_id in found]


def settle_story(session: Session, article_id: int, matches: Sequence[Same]) -> None:
    """Link a locked article to what its newest text repeats, and to nothing else."""
    unlink(session, article_id, [same.article_id for same in matches])
    for same in matches[:MOST]:
        link(session, article_id, *same, utcnow())


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
    _keep(found)
    return found


def _keep(found: dict[str, Shingles]) -> None:
    """Bounded by what it holds: one article may be as long as a hundred others."""
    _known.update(found)
    if sum(len(own.grams) for own in _known.values()) > CACHED:
        _known.clear()
