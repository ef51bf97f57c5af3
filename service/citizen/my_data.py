"""My data: what somebody was sent and why, what is kept about them, export, and erasing it all."""

from __future__ import annotations

from datetime import datetime

from flask import (
    Blueprint,
    Response,
    g,
    make_response,
    redirect,
    render_template,
    request,
    session,
    stream_template,
)
from flask.typing import ResponseReturnValue
from flask_babel import format_date, gettext

from service import pages
from service.citizen.sign_in import ASKED
from service.citizen.signed_in import sign_out, signed_in_only
from service.db import utcnow
from service.limits import Limits
from service.messages.email import SERVICE_LETTERS
from service.messages.wording import words
from service.models import ConsentAct, NotificationKind
from service.pages import format_moment, language, page_url, row_number, runtime
from service.security_headers import keep_private
from service.subscriptions import erasures, history
from service.subscriptions.choices import all_places, all_topics
from service.subscriptions.exporting import Export
from service.subscriptions.history import Fate
from service.subscriptions.persons import person_of

EXPORTS = "20 per hour"  # a person
LETTERS = (*SERVICE_LETTERS, "mail_test")  # each is called by its subject
LARGEST = 2**63 - 1
_TONES = {Fate.SENT: "good", Fate.RETURNED: "bad", Fate.FAILED: "bad", Fate.IN_DOUBT: "warn"}


def blueprint(limits: Limits) -> Blueprint:
    """History, data, the two exports, and erasing with the page that asks once more."""
    part = Blueprint("my_data", __name__, url_prefix="/my")
    pages.protect_forms(part)

    @part.get("/history", endpoint="history")
    @signed_in_only
    def show_history() -> Response:
        return _history()

    @part.get("/data")
    @signed_in_only
    def show() -> Response:
        with runtime().db.read() as database:
            people = person_of(database, g.person_id)
        days = runtime().settings.ledger_days
        return make_response(render_template("citizen/my_data/show.html", people=people, days=days))

    def as_json() -> ResponseReturnValue:
        return _download(Response(_export().as_json(), mimetype="application/json"), "json")

    def as_html() -> ResponseReturnValue:
        page = stream_template(
            "citizen/my_data/export.html", export=_export(), names=_names(), **_words()
        )
        return _download(Response(page, mimetype="text/html"), "html")

    for name, view in (("json", as_json), ("html", as_html)):
        limited = limits.guard(view, EXPORTS, "export", lambda: str(g.person_id))
        part.add_url_rule(f"/data.{name}", f"as_{name}", signed_in_only(limited))

    @part.get("/erase")
    @signed_in_only
    def ask() -> Response:
        with runtime().db.read() as database:
            people = person_of(database, g.person_id)
        return make_response(render_template("citizen/my_data/erase.html", people=people))

    @part.post("/erase")
    @signed_in_only
    def erase() -> ResponseReturnValue:
        held = runtime()
        erasures.erase_for_good(held.db, held.settings, g.person_id, utcnow())
        sign_out()
        session.pop(ASKED, None)
        return redirect(page_url("my_data.erased"), 303)

    @part.get("/erased")
    def erased() -> Response:
        return keep_private(make_response(render_template("citizen/my_data/erased.html")))

    return part


def _history() -> Response:
    before = request.args.get("before", type=row_number)
    before = before if before is not None and 0 < before <= LARGEST else None
    with runtime().db.read() as database:
        addresses = history.names_of(database, g.person_id)
        found = history.page(
            database, list(addresses), since=utcnow() - history.SHOWN, before=before
        )
        page = render_template(
            "citizen/my_data/history.html",
            page=found,
            is_first=before is None,
            addresses=addresses,
            tones=_TONES,
            **_words(),
        )
    return make_response(page)


def _export() -> Export:
    held = runtime()
    return Export.of(held.db, g.person_id, held.settings.city_name, utcnow())


def _names() -> dict[str, str]:
    """Topics and places in the reader's language, by the slugs that an export has."""
    with runtime().db.read() as database:
        names = {place.slug: place.name for place in all_places(database)}
        return names | {topic.slug: topic.name(language()) for topic in all_topics(database)}


def _download(response: Response, ending: str) -> Response:
    response.headers["Content-Disposition"] = f'attachment; filename="tellal-data.{ending}"'
    return response


def _words() -> dict[str, object]:
    """The names of kinds, states and letters in the reader's language."""
    return {
        "at": _at,
        "day": _day,
        "fates": {
            Fate.SENT: gettext("Sent"),
            Fate.ON_ITS_WAY: gettext("On its way"),
            Fate.WAITS: gettext("Waits and is tried again"),
            Fate.RETURNED: gettext("Came back, could not be delivered"),
            Fate.FAILED: gettext("Could not be delivered"),
            Fate.IN_DOUBT: gettext("May have arrived, we got no answer"),
            Fate.NOT_SENT: gettext("Not sent"),
        },
        "kinds": {
            NotificationKind.NEW: gettext("A piece of news"),
            NotificationKind.CORRECTION: gettext("Correction"),
            NotificationKind.WITHDRAWAL: gettext("Withdrawal"),
            NotificationKind.DIGEST: gettext("Summary"),
            NotificationKind.SUMMARY: gettext("Summary after quiet hours"),
            NotificationKind.SERVICE: gettext("Letter of the service"),
            NotificationKind.FEED: gettext("Feed"),
        },
        "acts": {
            ConsentAct.ASKED: gettext("Asked for"),
            ConsentAct.CONFIRMED: gettext("Agreed to"),
            ConsentAct.IMPORTED: gettext("Taken over from another list"),
            ConsentAct.WITHDRAWN: gettext("Withdrawn by you"),
        },
        "letters": {
            **{name: words(language())[f"{name}_subject"] for name in LETTERS},
            "chat_code": gettext("Code to confirm a chat"),
            "chat_welcome": gettext("News has started in a chat"),
        },
        "frequencies": {
            "instant": gettext("as published"),
            "daily": gettext("one summary a day"),
            "weekly": gettext("one summary a week"),
        },
    }


def _at(value: str | None) -> str:
    """A time of an export as people of the city say it; a dash for none."""
    return format_moment(datetime.fromisoformat(value)) if value else "–"


def _day(value: datetime | str) -> str:
    """A date of the city; exports carry it as text."""
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return str(format_date(moment, "d MMMM y EEEE"))
