"""The field for an email address, as several forms have it."""

from __future__ import annotations

from collections.abc import Mapping

from flask_babel import gettext

from service.subscriptions.addresses import AddressError, normalise_email

MAX_FIELD = 320  # what is longer is cut before it is looked at


def email_problem(form: Mapping[str, str]) -> tuple[str, str]:
    """What was typed, and what is wrong with it: one sentence, empty where nothing is."""
    text = form.get("email", "")[:MAX_FIELD]
    if not text.strip():
        return text, gettext("Enter your email address")
    try:
        normalise_email(text)
    except AddressError:
        return text, gettext("Enter it like name@example.com")
    return text, ""
