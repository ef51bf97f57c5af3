"""The way between the staff's pages: what the person of this request may open, in groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from apiflask import APIFlask
from flask import current_app
from flask_babel import LazyString
from flask_babel import lazy_gettext as _
from flask_security import current_user

from service.admin.access import has_power
from service.admin.powers import Power
from service.ledger.halts import live_pauses
from service.models import Halt
from service.pages import endpoint_without_language, runtime


@dataclass(frozen=True)
class Entry:
    """One page of the menu."""

    endpoint: str
    text: LazyString
    power: Power = Power.SEE

    @property
    def is_here(self) -> bool:
        """Whether this request shows a page of the same part."""
        here = endpoint_without_language().partition(".")[0]
        return PART_OF.get(here, here) == self.endpoint.partition(".")[0]


# Where pages of a part are a file of their own.
PART_OF = dict.fromkeys(("channel_address", "channel_preview", "webhooks"), "channels")
GROUPS: tuple[tuple[LazyString, tuple[Entry, ...]], ...] = (
    (
        _("Now"),
        (
            Entry("today.show", _("Today")),
            Entry("articles.index", _("Articles")),
            Entry("review.index", _("Review")),
            Entry("deliveries.index", _("Deliveries")),
            Entry("dead_letters.index", _("Given up")),
            Entry("alarms.index", _("Alarms")),
        ),
    ),
    (
        _("Ways in and out"),
        (
            Entry("sources.index", _("Sources")),
            Entry("channels.index", _("Channels")),
            Entry("domains.index", _("Mail domains")),
        ),
    ),
    (
        _("Rules and texts"),
        (
            Entry("staff_topics.index", _("Topics")),
            Entry("staff_places.index", _("Districts")),
            Entry("models.index", _("Models")),
            Entry("mail_templates.index", _("Letters")),
            Entry("notices.index", _("Notices")),
            Entry("brand.show", _("Brand")),
        ),
    ),
    (
        _("Readers"),
        (
            Entry("subscribers.index", _("Subscribers"), Power.PEOPLE),
            Entry("imports.index", _("Imports"), Power.PEOPLE),
            Entry("suppressions.index", _("Suppressions"), Power.PEOPLE),
            Entry("bounces.index", _("Bounces")),
            Entry("statistics.index", _("Statistics")),
        ),
    ),
    (
        _("Office"),
        (
            Entry("jobs.index", _("Jobs")),
            Entry("accounts.index", _("Accounts"), Power.STAFF),
            Entry("api_keys.index", _("API keys")),
            Entry("audit_log.index", _("Log of acts"), Power.AUDIT),
            Entry("me.show", _("My account")),
        ),
    ),
)


def register(app: APIFlask) -> None:
    """Offer the menu, and what is paused, to the staff's templates."""
    app.jinja_env.globals.update(
        staff_menu=menu, live_halts=halts, may=has_power, Power=Power, has_page=has_page
    )


def menu() -> list[tuple[LazyString, list[Entry]]]:
    """The groups with the pages that this person may open."""
    views = current_app.view_functions
    shown = [
        (title, [one for one in entries if one.endpoint in views and has_power(one.power)])
        for title, entries in GROUPS
    ]
    return [(title, entries) for title, entries in shown if entries]


def has_page(endpoint: str) -> bool:
    """Whether this part is there: who links to another one asks first."""
    return endpoint in current_app.view_functions


def halts() -> Sequence[Halt]:
    """What is paused now: every page says so. Nothing for who is not signed in."""
    if not current_user.is_authenticated:
        return []
    with runtime().db.read() as session:
        return live_pauses(session)
