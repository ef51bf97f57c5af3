"""What a proven request says: parsed, mapped by the source's preset, its addresses checked."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from service.ingest.context import delivery_id, failed_headers, kept_headers
from service.ingest.mapping import Failed, Mapped, Result, failures_of, map_event, settled, unfit
from service.ingest.payload import PayloadError, parse_event
from service.ingest.presets import Preset
from service.ingest.proving import Proven
from service.models import Source
from service.problems import Problem


@dataclass(frozen=True)
class Event:
    """One delivery and what it says. `by_url`: whether a page's address tells its article."""

    delivery_key: str
    headers: Mapping[str, str]
    result: Result
    by_url: bool


def read_event(presets: Mapping[str, Preset], proven: Proven) -> Event:
    """Parse and map.

    Raises:
        Problem: 400 where the body is no JSON; 422 where the preset is strict and a field wrong.
    """
    body = parsed(proven)
    preset = presets.get(proven.source.preset)
    if preset is None:
        reason = f"there is no preset {proven.source.preset!r}"
        kept = failed_headers(proven.headers)
        return Event(proven.delivery_id or _own_key(), kept, Failed(reason), by_url=False)
    result = read_result(preset, proven.source, proven.headers, body)
    if preset.is_strict and isinstance(result, Failed):
        raise Problem(
            422,
            "Article not accepted",
            "Some fields are missing or wrong; each is named in errors.",
            errors=errors_shown(result.errors),
        )
    key = delivery_id(preset, proven.delivery_id, proven.headers, body) or _own_key()
    is_failed = isinstance(result, Failed) or bool(failures_of(result))
    kept = failed_headers(proven.headers) if is_failed else kept_headers(preset, proven.headers)
    return Event(key, kept, result, by_url=not preset.is_strict)


def read_result(
    preset: Preset, source: Source, headers: Mapping[str, str], body: dict[str, Any]
) -> Result:
    """Map a parsed event as this source would; an article on a foreign host does not fit."""
    result = map_event(preset, headers, body, source.timezone, source.base_url)
    if not isinstance(result, list) or all(is_at_home(source, mapped) for mapped in result):
        return result
    message = f"url: must be on {' or '.join(source.hosts)}, the hosts of this source"
    if len(result) == 1:
        return Failed(message, (("url", message.removeprefix("url: ")),))
    count = len(result)
    return settled(
        [
            mapped if is_at_home(source, mapped) else unfit(number, count, message)
            for number, mapped in enumerate(result, 1)
        ]
    )


def parsed(proven: Proven) -> dict[str, Any]:
    """Raises Problem 400."""
    try:
        return parse_event(proven.body, proven.headers.get("content-type", ""))
    except PayloadError as error:
        raise Problem(400, "Body not understood", str(error)) from error


def is_at_home(source: Source, mapped: Mapped) -> bool:
    """A source that lists hosts publishes there and nowhere else."""
    if not source.hosts or mapped.article is None or mapped.state != "published":
        return True  # a withdrawal shows no address, and a thin event is judged when it is whole
    return urlsplit(mapped.article.url or "").hostname in source.hosts


def errors_shown(errors: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """As problem details and answers name them."""
    return [{"field": field, "message": message} for field, message in errors]


def _own_key() -> str:
    """For a CMS that does not number its deliveries: each is one of its own. Never the bytes of
    the body, which Directus repeats whenever an item is published again."""
    return f"own:{secrets.token_hex(16)}"
