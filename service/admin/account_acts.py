"""What administrators do to an account: one table for the page, the API and the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.orm import Session

from service.admin import accounts, first_link, scope
from service.admin.accounts import AccountError
from service.admin.powers import Power
from service.db import utcnow
from service.models import Staff
from service.runtime import Runtime
from service.subscriptions.chat_urls import N_
from service.subscriptions.choices import all_topics

Given = Callable[[str], list[str]]  # the values of a field that came with the act
Done = dict[str, Any]  # what the log of acts says beside the name
Act = Callable[[Session, Staff, Given, frozenset[Power]], Done | None]  # None: nothing changed
Change = Callable[[Session, Staff, frozenset[Power]], bool]


# Notes an act with its number and its detail: that of the page, of the API or of the command line.
Record = Callable[..., object]


def do(
    session: Session,
    name: str,
    staff: Staff,
    given: Given,
    ceiling: frozenset[Power],
    record: Record,
) -> None:
    """Do one act of `ACTS` in the caller's transaction, and note it where it changed something.

    Raises:
        AccountError: it cannot be; the text says why.
    """
    done = ACTS[name](session, staff, given, ceiling)
    if done is not None:
        record(session, f"staff.{name}", staff.id, **done)


def link_of(runtime: Runtime, staff: Staff) -> str:
    """The address at which somebody chooses a password, for three days and once."""
    prefix = runtime.settings.brand.prefix(staff.language)
    token = first_link.make(runtime.vault, staff, utcnow())
    return f"{runtime.settings.public_url}{prefix}/staff/first?token={token}"


def _roles(session: Session, staff: Staff, given: Given, ceiling: frozenset[Power]) -> Done | None:
    before = accounts.role_names(staff)
    if not accounts.set_roles(session, staff, given("roles"), ceiling):
        return None
    return {"before": before, "after": accounts.role_names(staff)}


def _topics(session: Session, staff: Staff, given: Given, ceiling: frozenset[Power]) -> Done | None:
    accounts.require_reach(staff, ceiling)
    known = {topic.slug: topic.id for topic in all_topics(session)}
    unknown = [slug for slug in given("topics") if slug not in known]
    if unknown:
        text = N_("There is no topic “%(topic)s”.")
        raise AccountError(text, "topics", topic=unknown[0][:100])
    wanted = {known[slug] for slug in given("topics")}
    session.refresh(staff, with_for_update=True)
    if wanted == scope.topics_of_scope(session, staff.id):
        return None
    scope.limit(session, staff, wanted)
    return {"topics": sorted(set(given("topics")))}


def _link(session: Session, staff: Staff, given: Given, ceiling: frozenset[Power]) -> Done | None:
    accounts.renew_link(session, staff, ceiling)
    return {}


def _end(session: Session, staff: Staff, given: Given, ceiling: frozenset[Power]) -> Done | None:
    accounts.require_reach(staff, ceiling)
    accounts.end_sessions(staff)
    return {}


def _plain(
    change: Callable[[Session, Staff, frozenset[Power]], bool],
) -> Callable[..., Done | None]:
    def act(session: Session, staff: Staff, given: Given, ceiling: frozenset[Power]) -> Done | None:
        return {} if change(session, staff, ceiling) else None

    return act


ACTS: dict[str, Act] = {
    "roles": _roles,
    "topics": _topics,
    "deactivate": _plain(accounts.deactivate),
    "activate": _plain(accounts.activate),
    "reset-second-factor": _plain(accounts.reset_second_factor),
    "end-sessions": _end,
    "link": _link,
}
