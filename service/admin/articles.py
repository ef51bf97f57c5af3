"""Articles as staff see them: the list with its filters, its export, and the parts of one page."""

from __future__ import annotations

import csv
import io

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy import select

from service.admin import article_asks, article_forms, article_page, words
from service.admin.access import needs
from service.admin.article_asks import found
from service.admin.article_diff import before as text_before
from service.admin.article_diff import difference
from service.admin.article_list import STAGES, Filters, Line, all_lines, lines_page
from service.admin.csv_export import disarmed
from service.admin.powers import Power
from service.ledger.readers import readers_page
from service.models import DeliveryState, Notification, Revision, Source, Topic
from service.pages import language, row_number, runtime

OUTCOMES = {state.word: state for state in DeliveryState}


def blueprint() -> Blueprint:
    """Everybody on the staff may look; who may act is said at each act."""
    part = Blueprint("articles", __name__, url_prefix="/staff")
    _add_lists(part)
    _add_one(part)
    article_asks.add_views(part)
    article_forms.add_views(part)
    return part


def _add_lists(part: Blueprint) -> None:
    @part.get("/articles")
    @needs(Power.SEE)
    def index() -> str:
        filters = Filters.of(request.args)
        before = request.args.get("before", type=row_number)
        with runtime().db.read() as session:
            page = lines_page(session, filters, before)
            return render_template(
                "staff/articles.html",
                page=page,
                before=before,
                filters=filters,
                stages=STAGES,
                sources=session.scalars(select(Source.slug).order_by(Source.slug)).all(),
                topics=session.scalars(select(Topic).order_by(Topic.position)).all(),
                name=lambda topic: topic.name(language()),
                words=words,
            )

    @part.get("/articles.csv")
    @needs(Power.SEE)
    def export() -> Response:
        text = io.StringIO()
        table = csv.writer(text)
        with runtime().db.read() as session:
            lines = iter(all_lines(session, Filters.of(request.args)))
            for number, line in enumerate(lines):
                if not number:
                    table.writerow([*_cells(line)])
                table.writerow([disarmed(cell) for cell in _cells(line).values()])
        answer = Response("\ufeff" + text.getvalue(), mimetype="text/csv")
        answer.headers["Content-Disposition"] = "attachment; filename=articles.csv"
        return answer


def _add_one(part: Blueprint) -> None:
    @part.get("/articles/<int:article_id>")
    @needs(Power.SEE)
    def show(article_id: int) -> str:
        with runtime().db.read() as session:
            article = found(session, article_id)
            details = article_page.details(session, article)
            return render_template("staff/article.html", words=words, **details)

    @part.get("/articles/<int:article_id>/changes/<int:revision_id>")
    @needs(Power.SEE)
    def changes(article_id: int, revision_id: int) -> str:
        with runtime().db.read() as session:
            article = found(session, article_id)
            later = session.get(Revision, revision_id)
            if later is None or later.article_id != article_id:
                abort(404)
            earlier = text_before(session, later)
            if earlier is None:
                abort(404)
            fields = ("title", "summary", "body_text")
            parts = {f: difference(getattr(earlier, f), getattr(later, f)) for f in fields}
            return render_template(
                "staff/article_changes.html",
                article=article,
                earlier=earlier,
                later=later,
                parts_of=parts,
            )

    @part.get("/articles/<int:article_id>/readers/<int:notification_id>")
    @needs(Power.SEE)
    def readers(article_id: int, notification_id: int) -> str:
        outcome = request.args.get("outcome", "")
        after = max(request.args.get("after", 0, type=row_number), 0)
        with runtime().db.read() as session:
            article = found(session, article_id)
            notification = session.get(Notification, notification_id)
            if notification is None or notification.article_id != article_id:
                abort(404)
            page = readers_page(session, notification_id, OUTCOMES.get(outcome), after)
        return render_template(
            "staff/article_readers.html",
            article=article,
            notification=notification,
            page=page,
            outcome=outcome if outcome in OUTCOMES else "",
            outcomes=list(OUTCOMES),
            states={state: word for word, state in OUTCOMES.items()},
            after=after,
            words=words,
        )


def _cells(line: Line) -> dict[str, str]:
    article = line.article
    return {
        "id": str(article.id),
        "title": line.title,
        "state": str(article.state),
        "urgent": "yes" if article.is_urgent else "",
        "published_at": article.published_at.isoformat() if article.published_at else "",
        "received_at": article.created_at.isoformat(),
        "topics": " ".join(topic.slug for topic, _ in line.topics),
        **{word: str(number) for word, number in line.counts.items()},
    }
