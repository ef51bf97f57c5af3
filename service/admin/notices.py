"""Notice texts: what people are told and agree to, in versions; publishing asks twice."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, abort, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from service.admin import words
from service.admin.access import has_power, me, needs, record
from service.admin.powers import Power
from service.admin.staff_names import names_of
from service.db import utcnow
from service.messages.publishing import difference
from service.models import NoticeKind, NoticeText
from service.pages import page_url, runtime
from service.subscriptions import notices
from service.subscriptions.notices import LANGUAGES, NoticeError

CONFIRMATION = {"tr": "YAYIMLA", "en": "PUBLISH"}  # either will do


def blueprint() -> Blueprint:
    """Everybody on the staff may read; the privacy officer publishes."""
    part = Blueprint("notices", __name__, url_prefix="/staff/notices")
    _add_views(part)
    _add_publishing(part)
    return part


def _add_views(part: Blueprint) -> None:
    @part.get("")
    @needs(Power.SEE)
    def index() -> str:
        hashed = request.args.get("hash", "").strip().lower()[:64]
        with runtime().db.read() as session:
            rows = notices.versions(session)
            found = notices.by_hash(session, hashed) if hashed else None
            values = {
                "shown": {notices.current(session, *key).id for key in _keys()},
                "staff": names_of(session, (row.published_by for row in rows)),
            }
        return render_template(
            "staff/notices.html",
            rows=rows,
            hashed=hashed,
            found=found,
            kinds=words.NOTICE,
            may_publish=has_power(Power.PEOPLE),
            now=utcnow(),
            **values,
        )

    @part.get("/<int:notice_id>")
    @needs(Power.SEE)
    def show(notice_id: int) -> str:
        with runtime().db.read() as session:
            row = session.get(NoticeText, notice_id) or abort(404)
            before = notices.one_version(session, row.kind, row.language, row.version - 1)
            after = notices.one_version(session, row.kind, row.language, row.version + 1)
            staff = names_of(session, (row.published_by,))
        return render_template(
            "staff/notice.html",
            notice=row,
            before=before,
            after=after,
            staff=staff,
            kinds=words.NOTICE,
            lines=difference(before.text, row.text) if before else [],
        )


def _add_publishing(part: Blueprint) -> None:
    @part.get("/new")
    @needs(Power.PEOPLE)
    def new() -> str:
        return _form(_kind())

    @part.post("/compare")
    @needs(Power.PEOPLE)
    def compare() -> ResponseReturnValue:
        kind, texts = _kind(), _texts()
        try:
            lines = _compared(kind, texts)
        except NoticeError as error:
            return _form(kind, {"tr": str(error)}), 422
        return _confirm_page(kind, texts, lines)

    @part.post("/publish")
    @needs(Power.PEOPLE)
    def publish() -> ResponseReturnValue:
        kind, texts, errors = _kind(), _texts(), {}
        if request.form.get("confirmation", "").strip() not in CONFIRMATION.values():
            errors["confirmation"] = gettext("Type the word to confirm it")
        at = _moment(request.form.get("from", ""))
        if at is None and request.form.get("from"):
            errors["from"] = gettext("Write a day and a time, or leave it empty")
        try:
            lines = _compared(kind, texts)
            if errors:
                return _confirm_page(kind, texts, lines, errors), 422
            with runtime().db.write() as session:
                made = notices.publish_all(session, kind, texts, me().staff_id, at, utcnow())
                record(session, "notice.publish", made[0].id, **notices.told(made))
        except NoticeError as error:
            return _form(kind, {"tr": str(error)}), 422
        return _to("notices.show", notice_id=made[0].id)


def _form(kind: NoticeKind, errors: dict[str, str] | None = None) -> str:
    with runtime().db.read() as session:
        texts = _texts() or {one: notices.newest_text(session, kind, one) for one in LANGUAGES}
    return render_template(
        "staff/notice_new.html", kind=kind, kinds=words.NOTICE, texts=texts, errors=errors or {}
    )


def _confirm_page(
    kind: NoticeKind,
    texts: dict[str, str],
    lines: dict[str, list[tuple[str, str]]],
    errors: dict[str, str] | None = None,
) -> str:
    return render_template(
        "staff/notice_confirm.html",
        kind=kind,
        kinds=words.NOTICE,
        texts=texts,
        lines=lines,
        errors=errors or {},
        word=CONFIRMATION,
        start=request.form.get("from", "")[:40],
    )


def _compared(kind: NoticeKind, texts: dict[str, str]) -> dict[str, list[tuple[str, str]]]:
    """What each language changes.

    Raises:
        NoticeError: a text is not fit, or nothing changes.
    """
    with runtime().db.read() as session:
        found = {
            one: difference(notices.newest_text(session, kind, one), notices.checked(kind, text))
            for one, text in texts.items()
        }
    if not any(found.values()):
        raise NoticeError("no text differs from its newest version")
    return found


def _texts() -> dict[str, str]:
    return {one: request.form[one] for one in LANGUAGES if one in request.form}


def _kind() -> NoticeKind:
    try:
        return NoticeKind(request.values.get("kind", ""))
    except ValueError:
        abort(404)


def _keys() -> list[tuple[NoticeKind, str]]:
    return [(kind, language) for kind in NoticeKind for language in LANGUAGES]


def _moment(text: str) -> datetime | None:
    """A moment of a form, in the city's time."""
    try:
        local = datetime.fromisoformat(text)
        return local.replace(tzinfo=ZoneInfo(runtime().settings.timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _to(endpoint: str, **values: Any) -> Response:
    return redirect(page_url(endpoint, **values), 303)  # type: ignore[return-value]
