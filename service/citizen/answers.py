"""The questions of the sign-up: their order, and what is wrong with an answer."""

from __future__ import annotations

from flask_babel import gettext
from sqlalchemy.orm import Session

from service.citizen.draft import Draft
from service.pages import runtime
from service.subscriptions.abroad import provider_of
from service.subscriptions.addresses import AddressError, normalise_email
from service.subscriptions.choices import all_places, all_topics

STEPS = ("topics", "places", "often", "how", "address")
CHECK = "check"
CONSENTS = ("consent", "abroad")
ENDS = ("feed", "chat")  # ways that need no address; their page is the last one

# A field's name and what is wrong with it.
Errors = dict[str, str]


def errors_of(database: Session, step: str, draft: Draft) -> Errors:
    """What keeps the answer of a page from being one."""
    if step in ("topics", "places"):
        choices = draft.choices(all_topics(database), all_places(database))
        if step == "topics" and choices.topic_ids == ():
            return {"topics": gettext("Select at least one topic")}
        if step == "places" and choices.place_ids == ():
            return {"places": gettext("Select at least one district, or the whole city")}
    if step == "often" and not draft.frequency:
        return {"frequency": gettext("Select how often")}
    if step == "how" and not draft.way:
        return {"way": gettext("Select how the news should reach you")}
    if step == "address":
        return _address_errors(draft)
    return {}


def _address_errors(draft: Draft) -> Errors:
    errors: Errors = {}
    if not draft.email.strip():
        errors["email"] = gettext("Enter your email address")
    else:
        try:
            normalise_email(draft.email)
        except AddressError:
            errors["email"] = gettext("Enter it like name@example.com")
    if not draft.has_consent:
        errors["consent"] = gettext("Tick the box to give your consent")
    if not draft.has_consent_abroad and provider_of(runtime().settings, "email"):
        errors["abroad"] = gettext("Tick the box to agree to sending from abroad")
    return errors


def first_gap(database: Session, draft: Draft) -> tuple[str, Errors] | None:
    """The first page that still lacks something before the mail can be sent, and what.

    Consents alone may be given on the page of all answers too.
    """
    for step in STEPS:
        errors = errors_of(database, step, draft)
        if errors:
            return CHECK if set(errors) <= set(CONSENTS) else step, errors
    return ("how", {}) if draft.way != "email" else None


def page_after(database: Session, step: str, draft: Draft) -> str:
    """Where a good answer leads: the next question, or back to where all answers are checked."""
    if step in ENDS or step == CHECK:
        return step
    if step == "how" and draft.way in ENDS:
        return draft.way
    if not draft.is_checked:
        return (*STEPS, CHECK)[STEPS.index(step) + 1]
    gap = first_gap(database, draft)
    return gap[0] if gap else CHECK


def page_before(step: str, draft: Draft) -> str:
    """Where "Back" leads; empty on the first page."""
    if step in ENDS:
        return "how"
    if draft.is_checked and step != CHECK:
        return CHECK
    order = (*STEPS, CHECK)
    number = order.index(step)
    return order[number - 1] if number else ""
