"""What a preset's expressions see of a request, and the delivery id found in it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from service.ingest.expressions import EvaluationError, Expression
from service.ingest.presets import Preset

MAX_DELIVERY_ID = 255  # column of the inbox
_READ_HEADER = re.compile(r'\bheaders\.(?:"([^"]+)"|([a-z0-9_]+))')
_SECRET = {"authorization", "proxy-authorization", "cookie"}
# Of an event that failed: what may prove or name somebody, and whose machine it came from.
_UNFIT = re.compile(
    r"auth|cookie|signature|token|secret|key|password|session|user|mail|^from$|forwarded|-ip$"
)
MAX_FAILED_HEADERS = 50
MAX_FAILED_HEADER = 1000  # characters; a longer one is left out


def context_of(headers: Mapping[str, str], body: dict[str, Any]) -> dict[str, Any]:
    """`{headers, body, item, id}`; `item` is the body until the event is split.

    CloudEvents percent-encodes what a header cannot hold (HTTP binding 1.0, section 3.1.3.2).
    """
    decoded = {
        name: unquote(value) if name.startswith("ce-") else value for name, value in headers.items()
    }
    return {"headers": decoded, "body": body, "item": body, "id": None}


def kept_headers(preset: Preset, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that the preset reads, so that the event can be replayed; no others are stored.

    A credential is none of them, whatever an expression says.
    """
    rules = preset.rules
    expressions = [preset.accept, preset.split, preset.id, rules.state]
    for table in (rules.fields, rules.values, rules.aliases):
        expressions += table.values()
    texts = " ".join(expression.text for expression in expressions if expression is not None)
    read = {quoted or bare for quoted, bare in _READ_HEADER.findall(texts)} | {"content-type"}
    return {name: headers[name] for name in sorted(read - _SECRET) if name in headers}


def is_fit(name: str) -> bool:
    """Whether a header of this name, lower-cased, may be kept or shown: no credential is in it."""
    return not _UNFIT.search(name)


def failed_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of an event that fits no preset yet: the one that will be written may read any.

    None that a credential, a signature or somebody's name could be in, and no machine's address.
    """
    fit = [
        name
        for name, value in sorted(headers.items())
        if is_fit(name) and max(len(name), len(value)) <= MAX_FAILED_HEADER
    ]
    return {name: headers[name] for name in fit[:MAX_FAILED_HEADERS]}


def delivery_id(
    preset: Preset, signed_id: str | None, headers: Mapping[str, str], body: dict[str, Any]
) -> str | None:
    """What is the same when the sender repeats a delivery; null where the CMS has no such thing.

    `signed_id`, which the signature covers, goes before one that anybody could change. Header
    names are lower-cased.
    """
    found: Any = signed_id
    rule = preset.delivery_id
    if not found and isinstance(rule, Expression):
        try:
            found = rule.search(context_of(headers, body))
        except EvaluationError:
            return None
    elif not found and isinstance(rule, tuple):
        found = next((headers[name] for name in rule if headers.get(name)), None)
    if not isinstance(found, str) or not found:
        return None
    if len(found) > MAX_DELIVERY_ID or not found.isprintable():
        return "sha256:" + hashlib.sha256(found.encode("utf-8", "replace")).hexdigest()
    return found
