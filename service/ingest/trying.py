"""The dry run: what would become of an event, and how many would be told. Stores nothing.

The transition is that of the real upsert, done to a copy of the article.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify import ArticleText, Band
from service.ingest.article import CanonicalArticle
from service.ingest.claiming import Names, claim
from service.ingest.mapping import Failed, Ignored, Mapped, failures_of, told
from service.ingest.presets import Preset
from service.ingest.reading import errors_shown, read_result
from service.ingest.scratch import scratch
from service.ingest.upsert import apply
from service.learning.current import current_classifier
from service.ledger.match import count_told
from service.models import Notification, NotificationState, Place, Source, Topic, Verdict
from service.runtime import Runtime


@dataclass
class _Transition:
    shown: dict[str, Any]
    story_id: int
    article_id: int

    @property
    def is_told(self) -> bool:
        return self.shown["notification"] is not None


def try_event(
    runtime: Runtime,
    presets: Mapping[str, Preset],
    source: Source,
    headers: Mapping[str, str],
    body: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Map, and follow every article to where it would go."""
    preset = presets.get(source.preset)
    if preset is None:
        return _said(Verdict.FAILED, f"there is no preset {source.preset!r}")
    result = read_result(preset, source, headers, body)
    if isinstance(result, Ignored):
        return _said(Verdict.IGNORED, result.reason)
    if isinstance(result, Failed):
        return _said(Verdict.FAILED, result.reason) | {"errors": errors_shown(result.errors)}
    fitting = [mapped for mapped in result if mapped.failure is None]
    found = [_followed(runtime, source, mapped, not preset.is_strict, now) for mapped in fitting]
    if failures := failures_of(result):
        said = _said(Verdict.FAILED, told(failures)) | {"errors": errors_shown(failures)}
        return said | {"articles": found}
    is_pending = any(mapped.needs_enrichment for mapped in result)
    return {
        "verdict": Verdict.PENDING if is_pending else Verdict.ACCEPTED,
        "reason": "the source is paused" if source.is_paused else "",
        "articles": found,
    }


def _said(verdict: Verdict, reason: str) -> dict[str, Any]:
    return {"verdict": verdict, "reason": reason, "articles": []}


def _followed(
    runtime: Runtime, source: Source, mapped: Mapped, by_url: bool, now: datetime
) -> dict[str, Any]:
    article = mapped.article
    shown: dict[str, Any] = {
        "id": mapped.external_id,
        "state": mapped.state,
        "article": article.model_dump(mode="json") if article else None,
        "dropped": _dropped(article),
        "warnings": list(mapped.warnings),
        "enrich_url": mapped.enrich_url,
    }
    if article is None or mapped.needs_enrichment:
        return shown | {"transition": None, "topics": [], "places": [], "would_tell": None}
    names = Names(mapped.external_id, mapped.aliases, by_url)
    went = _transition(runtime, source, names, article, now)
    labels = _labels(runtime, article) if article.state == "published" else _Labels()
    told = 0
    if went.is_told:
        with runtime.db.read() as session:
            told = count_told(
                *(session, labels.topic_ids, labels.place_ids, went.story_id, went.article_id),
                is_urgent=article.urgent and source.may_send_urgent,
            )
    return shown | {
        "transition": went.shown,
        "topics": labels.topics,
        "places": labels.places,
        "would_tell": told,
    }


def _dropped(article: CanonicalArticle | None) -> list[str]:
    """Fields of a canonical article that the event left empty."""
    if article is None or article.state != "published":
        return []
    return [
        name
        for name in ("summary", "published_at", "updated_at", "sections", "tags", "places", "image")
        if not getattr(article, name)
    ] + ([] if article.body_html or article.body_text else ["body"])


def _transition(
    runtime: Runtime, source: Source, names: Names, article: CanonicalArticle, now: datetime
) -> _Transition:
    with scratch(runtime.db, source, names) as session:
        claimed = claim(session, source, names, now)
        before = "none" if claimed.is_new else str(claimed.article.state)
        story_id = 0 if claimed.is_new else claimed.article.story_id or 0
        stored = apply(session, source, claimed, article, now, "try")
        after = {
            "from": before,
            "to": str(claimed.article.state),
            "verdict": stored.verdict,
            "reason": stored.reason,
            "notification": _held(session, stored.article_id),
        }
        return _Transition(after, story_id, 0 if claimed.is_new else stored.article_id)


def _held(session: Session, article_id: int) -> dict[str, Any] | None:
    row = session.scalar(
        select(Notification)
        .where(Notification.article_id == article_id)
        .where(Notification.state == NotificationState.HELD)
    )
    return None if row is None else {"kind": row.kind, "release_at": row.release_at.isoformat()}


class _Labels:
    """What the classifier says; only topics of its publish band are told."""

    def __init__(self) -> None:
        self.topics: list[dict[str, Any]] = []
        self.places: list[str] = []
        self.topic_ids: list[int] = []
        self.place_ids: list[int] = []


def _labels(runtime: Runtime, article: CanonicalArticle) -> _Labels:
    with runtime.db.read() as session:
        classifier = current_classifier(session, runtime.settings)
        ids = dict(session.execute(select(Topic.slug, Topic.id)).all())
        place_ids = dict(session.execute(select(Place.slug, Place.id)).all())
    found = classifier.classify(
        ArticleText(article.title, article.summary, article.text(), tuple(article.sections))
    )
    labels = _Labels()
    labels.topics = [
        {
            "slug": label.slug,
            "score": round(label.score, 4),
            "band": label.band.value,
            "evidence": [asdict(one) for one in label.evidence],
        }
        for label in found.topics
    ]
    labels.topic_ids = [ids[label.slug] for label in found.topics if label.band is Band.PUBLISH]
    given = [slug for slug in dict.fromkeys(article.places) if slug in place_ids]
    labels.places = given or [label.slug for label in found.places if label.slug in place_ids]
    labels.place_ids = [place_ids[slug] for slug in labels.places]
    return labels
