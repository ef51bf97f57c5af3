"""Finds what tells the same event as an article that is being classified."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from service.classify.stories import Match, is_same_story, shingles
from service.ledger.stories import Telling, recent
from service.models import Revision
from service.runtime import Runtime

CACHED = 2_000  # articles of three days in a busy city, a few hundred numbers each


def same_story(
    runtime: Runtime, revision: Revision, place_ids: Collection[int], at: datetime
) -> tuple[int, dict[str, Any]] | None:
    """The article that a revision repeats most, and why; null where there is none."""
    own = shingles(revision.title, revision.summary, revision.body_text)
    with runtime.db.read() as session:
        tellings = recent(session, revision.article_id, place_ids, at)
    best: tuple[float, int, Match] | None = None
    for telling in tellings:
        match = is_same_story(own, _shingles_of(telling))
        if match is not None and (best is None or match.value > best[0]):
            best = (match.value, telling.article_id, match)
    return None if best is None else (best[1], asdict(best[2]))


@lru_cache(maxsize=CACHED)
def _shingles_of(telling: Telling) -> frozenset[int]:
    return shingles(*telling.texts)
