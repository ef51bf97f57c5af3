"""What if: which articles of the last 90 days would gain or lose a topic by a draft's terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal, select
from sqlalchemy.orm import Session

from service.classify import Classifier
from service.classify.whatif import Change, compare
from service.jobs.kind import JobError, Kind
from service.learning.archive import decided_among, texts_between
from service.learning.current import active_model, current_classifier
from service.models import Article, Job, Subscription, Taxonomy, Topic, TopicDraft
from service.runtime import Runtime
from service.taxonomy.places import place_rules
from service.taxonomy.versions import newest, topics_in

LOOK_BACK = timedelta(days=90)
STEP = 50  # texts of a piece: classified twice each
KEPT = 300  # changes that are listed one by one; all are counted
MOST_READERS = 10_000  # that are counted
OUTDATED = "Somebody published another version of the topics meanwhile; start again from it."


@dataclass(frozen=True)
class _Piece:
    """The last article that was read, how many were, and what would change of them."""

    after: int
    read: int
    changes: Sequence[Change]


def params(session: Session, draft_id: int, now: datetime) -> dict[str, Any]:
    """What the job is started with: the draft, and which articles are read."""
    last = session.scalar(select(func.max(Article.id))) or 0
    return {"draft": draft_id, "since": (now - LOOK_BACK).isoformat(), "last": last}


class WhatIf(Kind):
    """Reads, classifies by the terms of now and of the draft, and keeps the difference. Nothing is
    stored of it but in the job, and nobody is told."""

    power = "topics"

    def __init__(self) -> None:
        self._pair: tuple[Classifier, Classifier] | None = None

    def count(self, runtime: Runtime, job: Job) -> int | None:
        with runtime.db.read() as session:
            found = (
                select(func.count())
                .where(Article.created_at >= datetime.fromisoformat(job.params["since"]))
                .where(Article.id <= job.params["last"])
            )
            return session.scalar(found) or 0

    def work(self, runtime: Runtime, job: Job) -> _Piece | None:
        since = datetime.fromisoformat(job.params["since"])
        after = int(job.cursor.get("after", 0))
        with runtime.db.read() as session:
            now, then = self._classifiers(runtime, session, job)
            texts = texts_between(session, after, job.params["last"], since, STEP)
            decided = decided_among(session, [article_id for article_id, _ in texts])
        if not texts:
            return None
        named = [(str(article_id), text) for article_id, text in texts]
        changes = [
            change
            for found in compare(now, then, named)
            for change in found
            if (int(change.key), change.slug) not in decided
        ]
        return _Piece(texts[-1][0], len(texts), changes)

    def store(self, runtime: Runtime, session: Session, job: Job, piece: _Piece) -> None:
        gained, lost = (dict(job.result.get(name, {})) for name in ("gained", "lost"))
        for change in piece.changes:
            counts = gained if change.is_gain else lost
            counts[change.slug] = counts.get(change.slug, 0) + 1
        listed = [*job.result.get("changes", []), *(asdict(one) for one in piece.changes)][:KEPT]
        job.cursor, job.done = {"after": piece.after}, job.done + piece.read
        job.result = {"gained": gained, "lost": lost, "changes": listed}

    def end(self, runtime: Runtime, session: Session, job: Job) -> None:
        slugs = {*job.result.get("gained", {}), *job.result.get("lost", {})}
        job.total = job.done
        job.result = {
            "gained": {},
            "lost": {},
            "changes": [],
            **job.result,
            "readers": {slug: readers(session, slug) for slug in sorted(slugs)},
        }

    def _classifiers(
        self, runtime: Runtime, session: Session, job: Job
    ) -> tuple[Classifier, Classifier]:
        draft = session.get_one(TopicDraft, job.params["draft"])
        if draft.base != newest(session, Taxonomy.TOPICS):
            raise JobError(OUTDATED)
        if self._pair is None:
            places = place_rules(session, runtime.settings.config_dir)
            then = Classifier(topics_in(draft.content), places, model=active_model(session))
            self._pair = current_classifier(session, runtime.settings), then
        return self._pair


def readers(session: Session, slug: str) -> int:
    """How many people asked for a topic: `MOST_READERS` + 1 stands for more than that."""
    found = (
        select(Subscription.destination_id)
        .join(Topic, Topic.id == Subscription.topic_id)
        .where(Topic.slug == slug, Subscription.ended_at.is_(None))
        .distinct()
        .limit(MOST_READERS + 1)
        .subquery()
    )
    return session.scalar(select(func.count(literal(1))).select_from(found)) or 0
