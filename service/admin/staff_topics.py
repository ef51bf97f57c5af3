"""Topics as staff change them: list, edit as a draft, what it would do, publish, versions."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy.orm import Session

from service.admin import topic_acts, words
from service.admin.access import has_power, me, needs
from service.admin.powers import Power
from service.admin.topic_form import topic_of
from service.admin.versions import version_lines, version_page
from service.classify import Topic as TopicTerms
from service.db import utcnow
from service.jobs import queue
from service.jobs.what_if import MOST_READERS, readers
from service.ledger.refused import Missing, Refused
from service.models import Job, Taxonomy, Topic, TopicDraft
from service.pages import language, page_url, row_number, runtime
from service.subscriptions.choices import all_topics
from service.taxonomy import terms_of
from service.taxonomy.checking import Mistaken
from service.taxonomy.pace import pace_of
from service.taxonomy.versions import newest

EMPTY = TopicTerms("", "", "", "", "", ())


def blueprint() -> Blueprint:
    """Everybody on the staff may look; editors change."""
    part = Blueprint("staff_topics", __name__, url_prefix="/staff/topics")
    _add_views(part)
    _add_edits(part)
    _add_drafts(part)
    _add_versions(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        with runtime().db.read() as session:
            topics = all_topics(session)
            return render_template(
                "staff/topics.html",
                topics=topics,
                pace=pace_of(session, utcnow()),
                readers={topic.id: readers(session, topic.slug) for topic in topics},
                most=MOST_READERS,
                drafts=topic_acts.open_drafts(session),
                number=newest(session, Taxonomy.TOPICS),
                may_change=has_power(Power.TOPICS),
            )

    @part.get("/new")
    @needs(Power.TOPICS)
    def new() -> str:
        return _form(None, EMPTY)

    @part.get("/<int:topic_id>")
    @needs(Power.SEE)
    def show(topic_id: int) -> str:
        with runtime().db.read() as session:
            topic = _get(session, topic_id)
        return _form(topic, terms_of(topic))


def _add_edits(part: Blueprint) -> None:
    @part.post("")
    @needs(Power.TOPICS)
    def add() -> ResponseReturnValue:
        return _drafted(None, topic_of(request.form, request.form.get("slug", "").strip()))

    @part.post("/<int:topic_id>")
    @needs(Power.TOPICS)
    def edit(topic_id: int) -> ResponseReturnValue:
        with runtime().db.read() as session:
            topic = _get(session, topic_id)
        return _drafted(topic, topic_of(request.form, topic.slug))

    @part.post("/<int:topic_id>/retire")
    @needs(Power.TOPICS)
    def retire(topic_id: int) -> ResponseReturnValue:
        held = runtime()
        with held.db.read() as session:
            topic = _get(session, topic_id)
        try:
            with held.db.write() as session:
                draft = topic_acts.draft_without(session, held.vault, me(), topic.slug, utcnow())
        except Refused as error:
            said = {"retire": gettext(error.text, **error.values)}
            return _form(topic, terms_of(topic), said), 409
        return _to_draft(draft)


def _add_drafts(part: Blueprint) -> None:
    @part.get("/drafts/<int:draft_id>")
    @needs(Power.SEE)
    def draft(draft_id: int) -> str:
        return _draft_page(draft_id)

    @part.post("/drafts/<int:draft_id>/publish")
    @needs(Power.TOPICS)
    def publish(draft_id: int) -> ResponseReturnValue:
        held, reason = runtime(), _reason()
        if not reason:
            return _draft_page(draft_id, {"reason": gettext("Write a reason")}), 422
        try:
            with held.db.write() as session:
                made = topic_acts.publish(session, held.vault, me(), draft_id, reason, utcnow())
        except Missing:
            abort(404)
        except Refused as error:
            said = {"reason": gettext(error.text, **error.values)}
            return _draft_page(draft_id, said), 409
        return redirect(page_url("staff_topics.one_version", number=made.number), 303)

    @part.post("/drafts/<int:draft_id>/discard")
    @needs(Power.TOPICS)
    def discard(draft_id: int) -> ResponseReturnValue:
        held = runtime()
        try:
            with held.db.write() as session:
                topic_acts.discard(session, held.vault, me(), draft_id, utcnow())
        except Missing:
            abort(404)
        except Refused as error:
            said = {"reason": gettext(error.text, **error.values)}
            return _draft_page(draft_id, said), 409
        return redirect(page_url("staff_topics.index"), 303)


def _add_versions(part: Blueprint) -> None:
    @part.get("/versions")
    @needs(Power.SEE)
    def versions() -> str:
        before = request.args.get("before", type=row_number)
        with runtime().db.read() as session:
            lines, older = version_lines(session, Taxonomy.TOPICS, before)
        return render_template(
            "staff/versions.html", lines=lines, before=before, older=older, part="staff_topics"
        )

    @part.get("/versions/<int:number>")
    @needs(Power.SEE)
    def one_version(number: int) -> str:
        return version_page(Taxonomy.TOPICS, number, "staff_topics")

    @part.post("/versions/<int:number>/roll-back")
    @needs(Power.TOPICS)
    def roll_back(number: int) -> ResponseReturnValue:
        held, reason = runtime(), _reason()
        if not reason:
            said = {"reason": gettext("Write a reason")}
            return version_page(Taxonomy.TOPICS, number, "staff_topics", said), 422
        try:
            with held.db.write() as session:
                made = topic_acts.roll_back(session, held.vault, me(), number, reason, utcnow())
        except Missing:
            abort(404)
        except Refused as error:
            said = {"reason": gettext(error.text, **error.values)}
            return version_page(Taxonomy.TOPICS, number, "staff_topics", said), 409
        return redirect(page_url("staff_topics.one_version", number=made.number), 303)


def _drafted(topic: Topic | None, typed: TopicTerms) -> ResponseReturnValue:
    held = runtime()
    base = request.form.get("base", type=row_number)
    try:
        with held.db.write() as session:
            draft = topic_acts.draft_topic(
                session, held.vault, me(), typed, utcnow(), is_new=topic is None, base=base
            )
    except Mistaken as error:
        said = {name: gettext(text, **values) for name, (text, values) in error.mistakes.items()}
        return _form(topic, typed, said), 422
    except Refused as error:
        return _form(topic, typed, {"terms": gettext(error.text, **error.values)}), 409
    return _to_draft(draft)


def _to_draft(draft: TopicDraft) -> Response:
    if draft.job_id is not None:
        queue.ring(runtime(), draft.job_id)
    answer = redirect(page_url("staff_topics.draft", draft_id=draft.id), 303)
    return answer  # type: ignore[return-value]


def _form(topic: Topic | None, typed: TopicTerms, errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        base = newest(session, Taxonomy.TOPICS)
    return render_template(
        "staff/topic.html",
        topic=topic,
        typed=typed,
        base=base,
        raw=request.form,
        may_change=has_power(Power.TOPICS),
        errors=errors or {},
    )


def _draft_page(draft_id: int, errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        row = session.get(TopicDraft, draft_id) or abort(404)
        job = session.get(Job, row.job_id) if row.job_id else None
        return render_template(
            "staff/topic_draft.html",
            row=row,
            job=job,
            share=queue.progress(job) if job else None,
            job_page=_job_page(row),
            found=topic_acts.differences_of(session, row),
            names=_names(session, row),
            outdated=row.published_as is None and row.base != newest(session, Taxonomy.TOPICS),
            most=MOST_READERS,
            may_change=has_power(Power.TOPICS),
            errors=errors or {},
            words=words,
        )


def _job_page(row: TopicDraft) -> str | None:
    """Where the job is cancelled or resumed."""
    if row.job_id is None or "jobs.show" not in current_app.view_functions:
        return None
    return page_url("jobs.show", job_id=row.job_id)


def _names(session: Session, row: TopicDraft) -> dict[str, str]:
    key = "name_tr" if language() == "tr" else "name_en"
    names = {topic.slug: topic.name(language()) for topic in all_topics(session)}
    return names | {str(entry["slug"]): str(entry[key]) for entry in row.content}


def _reason() -> str:
    return " ".join(request.form.get("reason", "").split())[: topic_acts.MAX_REASON]


def _get(session: Session, topic_id: int) -> Any:
    return session.get(Topic, topic_id) or abort(404)
