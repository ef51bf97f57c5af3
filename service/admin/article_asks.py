"""Questions about one article: who would be told, who is missing, and what one address was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, current_app, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import looking, words
from service.admin.access import me, needs, record
from service.admin.powers import Power
from service.admin.subscribers import look_up
from service.jobs import queue
from service.ledger.counts import outcome_counts
from service.ledger.match import next_range
from service.ledger.refused import Refused
from service.ledger.resend import missing, news_of
from service.ledger.trace import trace
from service.ledger.whom import CITY, FATES, Figures, ask, count_range
from service.models import Article, DeliveryState, Job, Place, Topic
from service.pages import language, page_url, row_number, runtime

LOOKS = 2  # key ranges that a page counts at once: what is more is a job's
SMALL = 20_000  # deliveries of an article whose missing a page counts


@dataclass(frozen=True)
class Dry:
    """The figures of an act before it is done. `is_whole`: nobody is left to be counted;
    `refusal`: why there are none."""

    kind: str
    whom: Figures | None = None
    ledger: dict[str, int] | None = None
    missing: dict[str, int] | None = None
    is_whole: bool = True
    refusal: str = ""


def found(session: Session, article_id: int) -> Article:
    """The article of this address, or 404."""
    article = session.get(Article, article_id)
    if article is None:
        abort(404)
    return article


def figures_of(session: Session, article: Article, kind: str) -> Dry:
    """The dry run of an act, within a page's time."""
    try:
        if kind.startswith("whom"):
            whom, is_whole = look(session, article.id, [], [], breaks=kind == "whom-breaks")
            return Dry("whom", whom=whom, is_whole=is_whole)
        if kind == "missing":
            return _missing(session, article)
    except Refused as error:
        return Dry(kind, refusal=gettext(error.text, **error.values))
    return Dry(kind, ledger=outcome_counts(session, article.id) if kind else None)


def look(
    session: Session, article_id: int, topics: list[int], places: list[int], *, breaks: bool
) -> tuple[Figures, bool]:
    """Whom it would be told to, as far as a page can count; True where that is all.

    Raises:
        Refused: there is no such article, or its text is not classified yet.
    """
    asked = ask(session, article_id, topics, places, breaks=breaks)
    figures, lower = Figures(reason=asked.reason), 0
    for _ in range(LOOKS):
        some, upper = count_range(session, asked, lower, runtime().settings.timezone)
        figures.add(some)
        if upper is None:
            return figures, True
        lower = upper
    return figures, next_range(session, asked.question, lower, 1) is None


def _missing(session: Session, article: Article) -> Dry:
    _, news = news_of(session, article.id, for_update=False)
    ledger = outcome_counts(session, article.id)
    if max(news.planned, ledger["planned"]) > SMALL:
        return Dry("missing", ledger=ledger, is_whole=False)
    return Dry("missing", ledger=ledger, missing=dict(missing(session, article, news)))


def add_views(part: Blueprint) -> None:
    """The questions; none of them changes anything but the log and the list of jobs."""
    _add_whom(part)
    _add_who(part)


def _add_whom(part: Blueprint) -> None:
    @part.get("/articles/<int:article_id>/whom")
    @needs(Power.SEE)
    def whom(article_id: int) -> str:
        wanted = _wanted(request.args)
        with runtime().db.read() as session:
            article = found(session, article_id)
            refusal, figures, is_whole = "", None, True
            try:
                figures, is_whole = look(
                    session,
                    article_id,
                    wanted["topics"],
                    wanted["places"],
                    breaks=wanted["breaks"],
                )
            except Refused as error:
                refusal = gettext(error.text, **error.values)
            places = session.scalars(select(Place).order_by(Place.position)).all()
            return render_template(
                "staff/article_whom.html",
                article=article,
                dry=Dry("whom", whom=figures, is_whole=is_whole, refusal=refusal),
                wanted=wanted,
                topics=session.scalars(select(Topic).order_by(Topic.position)).all(),
                places=places,
                place_names={CITY: gettext("The whole city")} | {p.id: p.name for p in places},
                name=lambda topic: topic.name(language()),
                fates=FATES,
                words=words,
            )

    @part.post("/articles/<int:article_id>/whom/count")
    @needs(Power.REVIEW)
    def count_whom(article_id: int) -> ResponseReturnValue:
        return _start(article_id, "would-be-told", **_wanted(request.form))

    @part.post("/articles/<int:article_id>/missing/count")
    @needs(Power.SEND)
    def count_missing(article_id: int) -> ResponseReturnValue:
        return _start(article_id, "resend-count")


def _add_who(part: Blueprint) -> None:
    def who(article_id: int) -> ResponseReturnValue:
        with runtime().db.read() as session:
            article = found(session, article_id)
        if request.method == "GET":
            return render_template("staff/article_who.html", article=article, errors={}, trace=None)
        _, known, errors = look_up(looking.LOOK_ARTICLE, article_id)
        if known is None:
            page = "staff/article_who.html"
            return render_template(page, article=article, errors=errors, trace=None), 422
        with runtime().db.read() as session:
            article = found(session, article_id)
            return render_template(
                "staff/article_who.html",
                article=article,
                errors={},
                trace=trace(session, article, known.hashed, runtime().settings.timezone),
                topics={t.id: t.name(language()) for t in session.scalars(select(Topic))},
                places={p.id: p.name for p in session.scalars(select(Place))},
                states={state: state.word for state in DeliveryState},
                words=words,
            )

    rule = "/articles/<int:article_id>/who"
    part.add_url_rule(rule, "who", needs(Power.PEOPLE)(who), methods=["GET", "POST"])


def _start(article_id: int, kind: str, **params: Any) -> ResponseReturnValue:
    with runtime().db.write() as session:
        found(session, article_id)
        job: Job = queue.start(session, kind, me().staff_id, article=article_id, **params)
        record(session, "article.count-readers", article_id, job=job.id, kind=kind)
    queue.ring(runtime(), job.id)
    if "jobs.show" in current_app.view_functions:
        return redirect(page_url("jobs.show", job_id=job.id))
    return redirect(page_url("articles.show", article_id=article_id))


def _wanted(args: Any) -> dict[str, Any]:
    """The labels of a what-if: numbers that are none of a topic or district ask for nothing."""
    return {
        "topics": args.getlist("topic", type=row_number)[:50],
        "places": args.getlist("place", type=row_number)[:50],
        "breaks": args.get("breaks") == "1",
    }
