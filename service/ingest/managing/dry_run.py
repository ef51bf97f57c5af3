"""An event that staff paste: what would become of it, storing nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from service.ingest.managing.fields import N_, wrong
from service.ingest.payload import MAX_BODY_BYTES, PayloadError, parse_event
from service.ingest.presets import Preset
from service.ingest.trying import try_event
from service.models import Source
from service.runtime import Runtime

MAX_REQUEST = 2 * MAX_BODY_BYTES + 64 * 1024  # as a form or as JSON, which are longer than the body
MAX_HEADERS = 50
MAX_HEADER = 1000  # characters


def dry_run(
    runtime: Runtime,
    presets: Mapping[str, Preset],
    source: Source,
    headers: Mapping[str, str],
    body: str,
    now: datetime,
) -> dict[str, Any]:
    """Mapping, errors by field, transition, topics with evidence, how many would be told.

    Raises:
        SourceError: the body is no event, or a header is none.
    """
    given = {name.strip().lower(): value.strip() for name, value in headers.items()}
    if len(given) > MAX_HEADERS or any(len(n) + len(v) > MAX_HEADER for n, v in given.items()):
        raise wrong("headers", N_("At most 50 headers of at most 1,000 characters each."))
    raw = body.encode("utf-8", "replace")
    if len(raw) > MAX_BODY_BYTES:
        raise wrong("body", N_("The body is over 1 MiB, which the door would refuse too."))
    if not raw.strip():
        raise wrong("body", N_("Paste what the CMS sends."))
    try:
        event = parse_event(raw, given.get("content-type", ""))
    except PayloadError as error:
        raise wrong("body", N_("The body cannot be read: %(said)s"), said=str(error)) from None
    return try_event(runtime, presets, source, given, event, now)


def headers_of(text: str) -> dict[str, str]:
    """Headers of lines `Name: value`; empty lines count for nothing.

    Raises:
        SourceError: a line that is none.
    """
    found = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise wrong("headers", N_("Write each header as “Name: value”, on a line of its own."))
        found[name] = value
    return found
