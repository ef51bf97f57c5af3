"""What the forms of a source say."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from service.ingest.managing.fields import SourceError
from service.models import Source

Errors = dict[str, str]
TEXTS = ("base_url", "api_url", "timezone", "identifier", "hold_s", "rate_per_minute")
FLAGS = ("may_send_urgent", "is_paused")


def fields_of(form: MultiDict[str, str]) -> dict[str, Any]:
    """The settings that were sent; a tick that is not there is off."""
    found: dict[str, Any] = {name: form[name].strip() for name in TEXTS if name in form}
    found["hosts"] = form.get("hosts", "").replace(",", " ").split()
    return found | {name: name in form for name in FLAGS}


def stored_fields(row: Source) -> dict[str, Any]:
    """What the form says of a source before anything is changed."""
    return {name: getattr(row, name) for name in (*TEXTS, *FLAGS, "hosts")}


def said(error: SourceError) -> Errors:
    """Each field with its sentence, in the reader's language."""
    return {one.field: gettext(one.text, **one.values) for one in error.wrong}
