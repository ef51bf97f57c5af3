"""Articles for programs: find, read, ask who would be told and who is missing, and act on one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import looking
from service.admin.api.article_models import (
    ArticleOut,
    ArticleQuery,
    CountIn,
    DoneOut,
    JobOut,
    LineOut,
    MissingOut,
    WhoIn,
    WhoOut,
)
from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import me, needs, record
from service.admin.api.paging import Page, cursor, key_of, next_page
from service.admin.api.subscribers import looked_up
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.article_acts import Doer
from service.admin.article_kinds import KINDS, ActKind, ReasonIn, perform
from service.admin.article_list import Filters, Line, lines_page
from service.admin.article_sending import count_missing
from service.admin.powers import Power
from service.admin.scope import OutOfScope
from service.jobs import queue
from service.ledger.counts import outcome_counts
from service.ledger.refused import Refused
from service.ledger.trace import trace
from service.models import Article, DeliveryState, Notification, Revision
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint("admin_articles", __name__, url_prefix="/v1/admin/articles", tag="Articles")
SMALL = 20_000  # deliveries of an article whose missing an answer counts


@api.get("")
@needs(Power.SEE)
@api.input(ArticleQuery, location="query", arg_name="wanted")
@api.doc(**described("List articles", Page[LineOut]))
def list_articles(wanted: ArticleQuery) -> dict[str, Any]:
    """Newest first."""
    (before,) = key_of(wanted.after, int) or (None,)
    filters = Filters.of(wanted.model_dump())
    with runtime().db.read() as session:
        page = lines_page(session, filters, before, wanted.limit)
        items = [_line(line) for line in page.lines]
    last = None if page.older is None else cursor(page.older)
    return Page[LineOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:article_id>")
@needs(Power.SEE)
@api.doc(**described("Read an article", ArticleOut, 404, *VERSIONED))
def show(article_id: int) -> Response:
    with runtime().db.read() as session:
        body = _shown(session, article_id).model_dump(mode="json")
    return with_etag(jsonify(body), etag_of(_version(body)))


@api.get("/<int:article_id>/missing")
@needs(Power.SEE)
@api.doc(**described("Count who did not get an article", MissingOut, 404, 409))
def missing(article_id: int) -> dict[str, Any]:
    """By the statement that a resend takes them up with. 409 where they are too many to count in an
    answer: resend says how many before it begins."""
    with runtime().db.read() as session:
        if _shown(session, article_id).counts["planned"] > SMALL:
            raise Problem(409, "Conflict", "They are too many to count in one answer.")
        try:
            return MissingOut(**count_missing(session, article_id)).model_dump(mode="json")
        except Refused as error:
            raise _problem(error) from error


@api.post("/<int:article_id>/whom")
@needs(Power.REVIEW)
@api.input(CountIn, arg_name="wanted")
@api.doc(**described("Count who would be told", JobOut, 404))
def count_whom(article_id: int, wanted: CountIn) -> dict[str, Any]:
    """By planning's own rule, as a job that writes nothing."""
    with runtime().db.write() as session:
        _shown(session, article_id)
        params = wanted.model_dump()
        job = queue.start(session, "would-be-told", me().staff_id, article=article_id, **params)
        record(session, "article.count-readers", article_id, job=job.id)
    queue.ring(runtime(), job.id)
    return JobOut(job=job.id).model_dump(mode="json")


@api.post("/<int:article_id>/who")
@needs(Power.PEOPLE)
@api.input(WhoIn, arg_name="wanted")
@api.doc(**described("Ask what one address was told", WhoOut, 404, 429))
def who(article_id: int, wanted: WhoIn) -> dict[str, Any]:
    """Noted in the log of acts by the keyed hash of the address."""
    with runtime().db.read() as session:
        _shown(session, article_id)
    hashed = looked_up(wanted.email, looking.LOOK_ARTICLE, article_id).hashed
    with runtime().db.read() as session:
        article = session.get_one(Article, article_id)
        found = trace(session, article, hashed, runtime().settings.timezone)
        deliveries = [
            {
                "kind": one.notification.kind,
                "state": DeliveryState(one.delivery.state).word,
                "at": one.delivery.settled_at,
                "subscription": one.delivery.subscription_id,
                "answers": [f"{answer.code} {answer.detail}" for answer in one.answers],
            }
            for one in found.tellings
        ]
    return WhoOut(deliveries=deliveries, reasons=found.reasons).model_dump(mode="json")


def _act_of(kind: ActKind) -> Callable[..., dict[str, Any]]:
    def act(article_id: int, wanted: ReasonIn) -> dict[str, Any]:
        def check(session: Session, _article: Article) -> None:
            body = _shown(session, article_id).model_dump(mode="json")
            require_match(etag_of(_version(body)))

        try:
            done = perform(kind, Doer(runtime(), me(), check), article_id, wanted)
        except Refused as error:
            raise _problem(error) from error
        with runtime().db.read() as session:
            shown = _shown(session, article_id)
        return DoneOut(done=done.key, job=done.job_id, article=shown).model_dump(mode="json")

    act.__doc__ = str(kind.hint._args[0])  # the English sentence
    act.__name__ = kind.name
    view = api.doc(**described(str(kind.title._args[0]), DoneOut, 404, 409, 412, 428))(act)
    return needs(kind.power)(api.input(kind.body, arg_name="wanted")(view))


for _kind in KINDS.values():
    api.post(f"/<int:article_id>/{_kind.name}", endpoint=_kind.name)(_act_of(_kind))


def _problem(error: Refused) -> Problem:
    text = str(error)[:1].upper() + str(error)[1:]
    if isinstance(error, OutOfScope):
        return Problem(403, "Forbidden", text)
    if error.text.startswith("there is no article"):
        return Problem(404, "Not Found", f"{text}.")
    return Problem(409, "Conflict", text)


def _version(body: dict[str, Any]) -> dict[str, Any]:
    """What a change is about: not the counts, which move while it is sent."""
    return {name: value for name, value in body.items() if name not in ("counts", "counted_at")}


def _line(line: Line) -> LineOut:
    return LineOut(
        id=line.article.id,
        title=line.title,
        state=line.article.state,
        urgent=line.article.is_urgent,
        received_at=line.article.created_at,
        topics=[topic.slug for topic, _ in line.topics],
        counts=line.counts,
    )


def _shown(session: Session, article_id: int) -> ArticleOut:
    article = session.get(Article, article_id)
    if article is None:
        raise Problem(404, "Not Found", f"There is no article {article_id}.")
    revision = session.get(Revision, article.revision_id) if article.revision_id else None
    notifications = session.scalars(
        select(Notification)
        .where(Notification.article_id == article_id)
        .order_by(Notification.id.desc())
        .limit(50)
    )
    counts = outcome_counts(session, article_id)
    return ArticleOut(
        id=article.id,
        title=revision.title if revision else article.external_id,
        state=article.state,
        withheld=article.withheld_state is not None,
        urgent=article.is_urgent,
        commercial=article.is_commercial,
        published_at=article.published_at,
        received_at=article.created_at,
        revision=article.revision_id,
        notifications=[
            {
                "id": one.id,
                "kind": one.kind,
                "state": one.state,
                "release_at": one.release_at.isoformat(),
                "stopped": one.stopped_at is not None,
            }
            for one in notifications
        ],
        counts=counts,
        counted_at=counts.as_of,
    )
