"""The review queue: a list, and one question at a time, which a keyboard alone can answer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from flask_security import current_user
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import review_acts, review_history, words
from service.admin.access import has_power, me, needs
from service.admin.evidence import Found, pieces, summarise
from service.admin.powers import Power
from service.admin.scope import topics_of_scope
from service.db import utcnow
from service.ledger.refused import Missing, Refused
from service.ledger.review import Question, ReviewItem, waiting
from service.ledger.review_age import oldest
from service.models import Article, Decision, Revision, Topic, TopicLabel
from service.pages import language, page_url, row_number, runtime
from service.subscriptions.choices import all_topics

PAGE_SIZE = 50
MOST_SKIPPED = 50  # of one turn; then the first come again
LINE = "_"


def blueprint() -> Blueprint:
    """Everybody on the staff may look; reviewers decide."""
    part = Blueprint("review", __name__, url_prefix="/staff/review")
    _add_views(part)
    _add_acts(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        question, now = _question(), utcnow()
        with runtime().db.read() as session:
            return render_template(
                "staff/review.html",
                items=_waiting(session, question, PAGE_SIZE),
                oldest=oldest(session, now),
                question=question,
                questions=list(Question),
                names=_names(session),
                most=PAGE_SIZE,
                may_decide=has_power(Power.REVIEW),
                words=words,
            )

    @part.get("/one")
    @needs(Power.REVIEW)
    def one() -> str:
        return _one()

    @part.get("/decisions")
    @needs(Power.SEE)
    def decisions() -> str:
        before = request.args.get("before", type=row_number)
        with runtime().db.read() as session:
            lines = review_history.latest(session, before, PAGE_SIZE + 1)
        shown = lines[:PAGE_SIZE]
        return render_template(
            "staff/review_decisions.html",
            lines=shown,
            before=before,
            older=shown[-1].row.id if len(lines) > PAGE_SIZE else None,
            may_decide=has_power(Power.REVIEW),
            words=words,
        )


def _add_acts(part: Blueprint) -> None:
    @part.post("/decide")
    @needs(Power.REVIEW)
    def decide() -> ResponseReturnValue:
        held, form = runtime(), request.form
        try:
            wanted = review_acts.Wanted(
                article_id=form.get("article", 0, type=row_number),
                decision=Decision(form.get("decision", "")),
                topic=form.get("added") if form.get("decision") == "add" else form.get("topic"),
                seen=None if form.get("decision") == "add" else form.get("seen", ""),
            )
        except ValueError:
            return _one(gettext("Choose one of the answers")), 422
        try:
            with held.db.write() as session:
                made = review_acts.decide(session, held.vault, me(), wanted, utcnow())
        except Refused as error:
            status = 404 if isinstance(error, Missing) else 409
            return _one(gettext(error.text, **error.values)), status
        return _next(done=made.decision.id)

    @part.post("/undo")
    @needs(Power.REVIEW)
    def undo() -> ResponseReturnValue:
        held, number = runtime(), request.form.get("decision", 0, type=row_number)
        try:
            with held.db.write() as session:
                made = review_acts.undo(session, held.vault, me(), number, utcnow())
        except Refused as error:
            status = 404 if isinstance(error, Missing) else 409
            return _one(gettext(error.text, **error.values)), status
        return _next(undone=made.decision.id, article=made.decision.article_id)


def _next(**said: Any) -> Response:
    """The next question of the same kind, with what was said; those put off stay so."""
    kept = {name: request.form.get(name, "") for name in ("kind", "skip")}
    given = {name: value for name, value in kept.items() if value}
    return redirect(page_url("review.one", **given, **said), 303)  # type: ignore[return-value]


def _one(problem: str = "") -> str:
    """The question that the address names, else the first that was not put off."""
    question, now = _question(), utcnow()
    put_off = [key for key in request.values.get("skip", "").split(LINE) if key][-MOST_SKIPPED:]
    wanted = request.args.get("article", type=row_number)
    with runtime().db.read() as session:
        items = _waiting(session, question, PAGE_SIZE + len(put_off))
        named = [item for item in items if item.article_id == wanted]
        topic = request.args.get("topic")
        named = [item for item in named if topic is None or item.topic == topic] or named
        open_items = [item for item in items if key_of(item) not in put_off]
        item = next(iter(named or open_items), None)
        done, undone = (request.args.get(name, 0, type=row_number) for name in ("done", "undone"))
        last = review_history.one(session, done or undone)
        values = _details(session, item) if item else {}
        return render_template(
            "staff/review_one.html",
            item=item,
            left=len(open_items),
            most=PAGE_SIZE,
            question=question,
            names=_names(session),
            topics=_offered(session),
            is_limited=bool(topics_of_scope(session, current_user.id)),
            skip=LINE.join([*put_off, key_of(item)]) if item else "",
            put_off=LINE.join(put_off),
            last=last,
            is_undone=bool(undone),
            errors={"question": problem} if problem else {},
            now=now,
            words=words,
            **values,
        )


def key_of(item: ReviewItem) -> str:
    """A question's name in an address."""
    return f"{item.article_id}.{item.topic or item.other_id or item.question}"


def _waiting(session: Session, question: Question | None, limit: int) -> list[ReviewItem]:
    scope = topics_of_scope(session, current_user.id)
    return waiting(session, utcnow(), limit, question, scope)


def _question() -> Question | None:
    asked = request.values.get("kind", "")
    return Question(asked) if asked in list(Question) else None


def _names(session: Session) -> dict[str, str]:
    return {topic.slug: topic.name(language()) for topic in all_topics(session)}


def _offered(session: Session) -> list[Topic]:
    """The topics that this person may add."""
    scope = topics_of_scope(session, current_user.id)
    return [topic for topic in all_topics(session) if not scope or topic.id in scope]


def _details(session: Session, item: ReviewItem) -> dict[str, Any]:
    """The text that is asked about, with the evidence in it, and its other topics."""
    article = session.get_one(Article, item.article_id)
    is_newest = item.question == Question.DAMAGED
    shown = article.revision_id if is_newest else article.shown_revision_id
    revision = session.get(Revision, shown) if shown else None
    if revision is None:
        return {"article": article, "texts": {}, "labels": [], "terms": []}
    found = session.execute(
        select(TopicLabel, Topic)
        .join(Topic, Topic.id == TopicLabel.topic_id)
        .where(TopicLabel.revision_id == revision.id)
        .order_by(TopicLabel.score.desc())
    ).all()
    name = _names(session).get(item.topic or "", "")
    marks = [Found.from_json(name, one) for one in item.evidence]
    texts = {"title": revision.title, "summary": revision.summary, "body": revision.body_text}
    return {
        "article": article,
        "revision": revision,
        "texts": {part: pieces(text, part, marks) for part, text in texts.items()},
        "labels": [(label, topic.name(language())) for label, topic in found],
        "terms": summarise(item.evidence),
        "other": _other(session, item),
    }


def _other(session: Session, item: ReviewItem) -> Revision | None:
    """The text of the article that this one repeats."""
    if item.other_id is None:
        return None
    shown = session.get_one(Article, item.other_id).shown_revision_id
    return session.get(Revision, shown) if shown else None
