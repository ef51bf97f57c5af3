"""Topics for programs: read, draft a change, see what it would do, publish that, go back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin import topic_acts
from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.api.refusals import problem_of
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.admin.versions import version_lines
from service.classify import Topic as TopicTerms
from service.db import utcnow
from service.jobs import queue
from service.ledger.refused import Refused
from service.models import Job, Taxonomy, TaxonomyVersion, TopicDraft
from service.pages import runtime
from service.problems import Problem
from service.taxonomy import stored_topics
from service.taxonomy.versions import content_of, version

api = APIBlueprint("admin_topics", __name__, url_prefix="/v1/admin/topics", tag="Topics")
Lines = Field(default_factory=list[str], max_length=2_000)


class TopicIn(BaseModel):
    """What a topic is called, and what speaks for it."""

    name_tr: str = Field(max_length=100)
    name_en: str = Field(max_length=100)
    description_tr: str = Field("", max_length=500)
    description_en: str = Field("", max_length=500)
    terms: list[str] = Lines
    sections: list[str] = Lines
    publish: float | None = Field(None, ge=0, le=1)
    review: float | None = Field(None, ge=0, le=1)


class NewTopicIn(TopicIn):
    """A topic that is not there yet."""

    slug: str = Field(max_length=64)


class TopicOut(NewTopicIn):
    """A topic as it is used now."""


class TopicsOut(BaseModel):
    """All topics, in their order."""

    items: list[TopicOut]


class ReasonIn(BaseModel):
    """Why."""

    reason: str = Field(min_length=1, max_length=500)


class DraftOut(BaseModel):
    """A draft; `preview` is null until the comparison is done."""

    id: int
    base: int
    changes: dict[str, str]
    job_id: int | None
    job_state: str | None
    done: int
    total: int | None
    preview: dict[str, Any] | None
    published_as: int | None
    discarded_at: datetime | None


class VersionOut(BaseModel):
    """A version; its topics where one alone is read."""

    number: int
    changes: dict[str, str]
    reason: str
    by: str
    published_at: datetime
    topics: list[TopicOut] | None = None


@api.get("")
@needs(Power.SEE)
@api.doc(**described("List topics", TopicsOut))
def list_topics() -> dict[str, Any]:
    with runtime().db.read() as session:
        return {"items": content_of(stored_topics(session))}


@api.get("/<slug>")
@needs(Power.SEE)
@api.doc(**described("Read a topic", TopicOut, 404, *VERSIONED))
def show(slug: str) -> Response:
    with runtime().db.read() as session:
        body = _entry(session, slug)
    return with_etag(jsonify(body), etag_of(body))


@api.post("")
@needs(Power.TOPICS)
@api.input(NewTopicIn, arg_name="wanted")
@api.doc(**described("Draft a new topic", DraftOut, 409))
def add(wanted: NewTopicIn) -> dict[str, Any]:
    return _drafted(wanted.slug, wanted, is_new=True)


@api.put("/<slug>")
@needs(Power.TOPICS)
@api.input(TopicIn, arg_name="wanted")
@api.doc(**described("Draft a change of a topic", DraftOut, 404, 409, 412, 428))
def edit(slug: str, wanted: TopicIn) -> dict[str, Any]:
    """Nothing changes before the draft is published."""
    return _drafted(slug, wanted, is_new=False)


@api.delete("/<slug>")
@needs(Power.TOPICS)
@api.doc(**described("Draft the end of a topic", DraftOut, 404, 409, 412, 428))
def retire(slug: str) -> dict[str, Any]:
    """Only where nobody refers to it."""
    held = runtime()
    try:
        with held.db.write() as session:
            require_match(etag_of(_entry(session, slug)))
            draft = topic_acts.draft_without(session, held.vault, me(), slug, utcnow())
    except Refused as error:
        raise problem_of(error) from error
    return _rung(draft)


@api.get("/drafts/<int:draft_id>")
@needs(Power.SEE)
@api.doc(**described("Read a draft", DraftOut, 404))
def show_draft(draft_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        row = session.get(TopicDraft, draft_id)
        if row is None:
            raise Problem(404, "Not Found", "There is no such draft.")
        return _draft_out(session, row)


@api.post("/drafts/<int:draft_id>/publish")
@needs(Power.TOPICS)
@api.input(ReasonIn, arg_name="wanted")
@api.doc(**described("Publish a draft", VersionOut, 404, 409))
def publish(draft_id: int, wanted: ReasonIn) -> dict[str, Any]:
    """Exactly what was previewed, and only while no other version was published since."""
    held = runtime()
    try:
        with held.db.write() as session:
            made = topic_acts.publish(session, held.vault, me(), draft_id, wanted.reason, utcnow())
    except Refused as error:
        raise problem_of(error) from error
    return _version_out(made, "").model_dump(mode="json")


@api.post("/drafts/<int:draft_id>/discard")
@needs(Power.TOPICS)
@api.doc(**described("Discard a draft", DraftOut, 404, 409))
def discard(draft_id: int) -> dict[str, Any]:
    held = runtime()
    try:
        with held.db.write() as session:
            topic_acts.discard(session, held.vault, me(), draft_id, utcnow())
            return _draft_out(session, session.get_one(TopicDraft, draft_id))
    except Refused as error:
        raise problem_of(error) from error


@api.get("/versions")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List versions", Page[VersionOut]))
def list_versions(page: PageQuery) -> dict[str, Any]:
    """Newest first, 50 a page."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        lines, older = version_lines(session, Taxonomy.TOPICS, before)
    items = [_version_out(row, who) for row, who in lines]
    last = cursor(older) if older else None
    return Page[VersionOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/versions/<int:number>")
@needs(Power.SEE)
@api.doc(**described("Read a version", VersionOut, 404))
def show_version(number: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        row = version(session, Taxonomy.TOPICS, number)
    if row is None:
        raise Problem(404, "Not Found", "There is no such version.")
    shown = _version_out(row, "")
    shown.topics = [TopicOut(**entry) for entry in row.content]
    return shown.model_dump(mode="json")


@api.post("/versions/<int:number>/roll-back")
@needs(Power.TOPICS)
@api.input(ReasonIn, arg_name="wanted")
@api.doc(**described("Go back to a version", VersionOut, 404, 409))
def roll_back(number: int, wanted: ReasonIn) -> dict[str, Any]:
    """At once, as a new version."""
    held = runtime()
    try:
        with held.db.write() as session:
            made = topic_acts.roll_back(session, held.vault, me(), number, wanted.reason, utcnow())
    except Refused as error:
        raise problem_of(error) from error
    return _version_out(made, "").model_dump(mode="json")


def _drafted(slug: str, wanted: TopicIn, *, is_new: bool) -> dict[str, Any]:
    held = runtime()
    values = wanted.model_dump(exclude={"slug"})
    values |= {name: tuple(values[name]) for name in ("terms", "sections")}
    topic = TopicTerms(slug=slug, **values)
    try:
        with held.db.write() as session:
            if not is_new:
                require_match(etag_of(_entry(session, slug)))
            draft = topic_acts.draft_topic(
                session, held.vault, me(), topic, utcnow(), is_new=is_new
            )
    except Refused as error:
        raise problem_of(error) from error
    return _rung(draft)


def _rung(draft: TopicDraft) -> dict[str, Any]:
    if draft.job_id is not None:
        queue.ring(runtime(), draft.job_id)
    with runtime().db.read() as session:
        return _draft_out(session, session.get_one(TopicDraft, draft.id))


def _entry(session: Session, slug: str) -> dict[str, Any]:
    for entry in content_of(stored_topics(session)):
        if entry["slug"] == slug:
            return entry
    raise Problem(404, "Not Found", "There is no such topic.")


def _draft_out(session: Session, row: TopicDraft) -> dict[str, Any]:
    job = session.get(Job, row.job_id) if row.job_id else None
    is_done = job is not None and job.state == "done"
    return DraftOut(
        id=row.id,
        base=row.base,
        changes=row.changes,
        job_id=row.job_id,
        job_state=job.state if job else None,
        done=job.done if job else 0,
        total=job.total if job else None,
        preview=job.result if job and is_done else None,
        published_as=row.published_as,
        discarded_at=row.discarded_at,
    ).model_dump(mode="json")


def _version_out(row: TaxonomyVersion, who: str) -> VersionOut:
    return VersionOut(
        number=row.number,
        changes=row.changes,
        reason=row.reason,
        by=who,
        published_at=row.published_at,
    )
