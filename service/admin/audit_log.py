"""The log of acts as staff read it: filters, exports, and whether its end is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from flask import Blueprint, Response, redirect, render_template, request, stream_with_context
from flask.typing import ResponseReturnValue
from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from service import acts
from service.admin import act_words, acts_found
from service.admin.access import needs, record
from service.admin.acts_found import Wanted
from service.admin.csv_export import csv_response
from service.admin.powers import Power
from service.admin.staff_names import names_of
from service.models import AuditEntry, DestinationKind, Staff
from service.pages import page_url, row_number, runtime
from service.subscriptions.addresses import AddressError, address_hash, normalise_email

ROWS = 50  # of a page
JUDGED = 500  # entries at the end of the chain that the page judges each time
HEADER = ("number", "at", "staff", "via", "act", "object", "detail", "request", "subject", "mac")


def blueprint() -> Blueprint:
    """For those with the power of the log."""
    part = Blueprint("audit_log", __name__, url_prefix="/staff/audit")

    @part.get("")
    @needs(Power.AUDIT)
    def index() -> str:
        return _page()

    @part.post("/address")
    @needs(Power.AUDIT)
    def by_address() -> ResponseReturnValue:
        """The address itself never is in an address of a page, a log or the history of a browser:
        its keyed hash is."""
        held = runtime()
        try:
            address = normalise_email(request.form.get("address", ""))
        except AddressError:
            said = gettext("Write the whole address, as in name@example.com")
            return _page({"address": said}), 422
        subject = address_hash(held.vault, DestinationKind.EMAIL, address)
        with held.db.write() as session:
            record(session, "audit.search", subject=subject)
        return redirect(page_url("audit_log.index", subject=subject), 303)

    @part.get("/audit.csv")
    @needs(Power.AUDIT)
    def as_csv() -> Response:
        return csv_response("audit", HEADER, _cells(_noted_export("csv")))

    @part.get("/audit.jsonl")
    @needs(Power.AUDIT)
    def as_jsonl() -> Response:
        lines = (
            orjson.dumps(acts_found.as_json(entry), option=orjson.OPT_APPEND_NEWLINE)
            for entry in _noted_export("jsonl")
        )
        response = Response(stream_with_context(lines), mimetype="application/jsonl")
        response.headers["Content-Disposition"] = 'attachment; filename="audit.jsonl"'
        return response

    return part


def _page(errors: dict[str, str] | None = None) -> str:
    wanted, held = _wanted(), runtime()
    before = request.args.get("before", type=row_number)
    with held.db.read() as session:
        rows = acts_found.newest(session, wanted, before, ROWS + 1)
        length = acts.length(session)
        breaks = list(acts.broken_links(session, held.vault, max(length - JUDGED, 0)))
        values: dict[str, Any] = {
            "staff": names_of(session, (row.staff_id for row in rows)),
            "people": _people(session),
            "acts": acts_found.acts_known(session),
        }
    shown = rows[:ROWS]
    return render_template(
        "staff/audit_log.html",
        rows=shown,
        filters=_filters(),
        older=shown[-1].id if len(rows) > ROWS else None,
        is_filtered=wanted != Wanted(),
        breaks=breaks,
        judged=min(length, JUDGED),
        length=length,
        errors=errors or {},
        in_words=_in_words,
        said=act_words.said,
        page_of=act_words.page_of,
        **values,
    )


def _noted_export(form: str) -> Iterator[AuditEntry]:
    """The entries of the filters in the address; that they were taken is noted first."""
    wanted, held = _wanted(), runtime()
    asked = {name: value for name, value in asdict(wanted).items() if value and name != "subject"}
    with held.db.write() as session:
        record(session, "audit.export", subject=wanted.subject, form=form, filters=asked)
    return acts_found.oldest_first(held.db, wanted)


def _cells(entries: Iterator[AuditEntry]) -> Iterator[tuple[Any, ...]]:
    for entry in entries:
        row = acts_found.as_json(entry)
        detail = orjson.dumps(row["detail"]).decode()
        yield (
            *(row[name] for name in ("number", "at", "staff_id", "via", "act", "object_id")),
            detail,
            *(row[name] for name in ("request_id", "subject", "mac")),
        )


def _filters() -> dict[str, str]:
    names = ("staff", "act", "object", "since", "until", "subject")
    return {name: request.args.get(name, "")[:64] for name in names if request.args.get(name)}


def _wanted() -> Wanted:
    """The filters of the address; what makes no sense is left out."""
    asked = _filters()
    return Wanted(
        staff_id=_number(asked.get("staff", "")),
        act=asked.get("act", ""),
        object_id=_number(asked.get("object", "")),
        subject=asked.get("subject", ""),
        since=_day(asked.get("since", "")),
        until=_day(asked.get("until", ""), after=1),
    )


def _number(text: str) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if is_number else None


def _day(text: str, after: int = 0) -> datetime | None:
    """The start of a day in the city."""
    try:
        day = date.fromisoformat(text) + timedelta(days=after)
        zone = ZoneInfo(runtime().settings.timezone)
        return datetime.combine(day, time.min, zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _people(session: Session) -> dict[int, str]:
    return names_of(session, session.scalars(select(Staff.id)))


def _in_words(detail: dict[str, Any]) -> list[tuple[str, str]]:
    """A detail as names and values; before and after come last, where there are any."""
    late = ("before", "after")
    names = [name for name in detail if name not in late] + [one for one in late if one in detail]
    return [(name, _value(detail[name])) for name in names]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()
