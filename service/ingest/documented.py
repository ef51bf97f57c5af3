"""What OpenAPI says of the door: written beside the code, because the body is verified as raw
bytes before anything may parse it."""

from __future__ import annotations

from typing import Any

from service.ingest.article import CanonicalArticle

_ERRORS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
    },
}

_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": _ERRORS,
    },
}

_ACCEPTED = {
    "type": "object",
    "title": "Accepted",
    "properties": {
        "article_id": {"type": ["integer", "null"]},
        "revision": {"type": ["integer", "null"]},
        "status": {
            "type": "string",
            "enum": ["accepted", "unchanged", "ignored", "quarantined"],
        },
        "status_url": {"type": ["string", "null"], "format": "uri"},
        "errors": _ERRORS,
    },
}


def _answer(text: str, schema: dict[str, Any], media: str = "application/json") -> dict[str, Any]:
    return {"description": text, "content": {media: {"schema": schema}}}


def _problem(text: str) -> dict[str, Any]:
    return _answer(text, _PROBLEM, "application/problem+json")


def _header(name: str, text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "header",
        "required": True,
        "description": text,
        "schema": {"type": "string"},
    }


DOOR_DOC: dict[str, Any] = {
    "summary": "Post an article",
    "description": (
        "Takes what the source's CMS sends, signed as that CMS signs. Answered after the commit: "
        "an accepted event is never lost. Sending the same delivery again is harmless.\n\n"
        "Described here is the preset `tellal`: one canonical article, signed as Standard "
        "Webhooks. Other presets take the webhooks of Ghost, WordPress, Strapi, Directus, Drupal, "
        "Contentful, Sanity, TYPO3 and Umbraco, CloudEvents, Standard Webhooks and schema.org "
        "JSON-LD, as they are. Those senders cannot mend a field, so they are never answered 422: "
        "`ignored` is no article event, and `quarantined` is kept for the staff: a text that "
        "arrived damaged, or an event that the source's preset does not fit. Of an event with "
        "several articles, those that fit are accepted all the same, and `errors` names the others."
    ),
    "responses": {
        200: _answer("This delivery is known; nothing was done again.", _ACCEPTED),
        202: _answer("Stored.", _ACCEPTED),
        400: _problem("Not UTF-8, not JSON, NUL, or nested too deep."),
        401: _problem("Not verified: one answer for every cause."),
        404: _problem("Unknown source."),
        409: _problem("The delivery id came before with another body."),
        413: _problem("Over 1 MiB."),
        415: _problem("Not JSON by its Content-Type."),
        422: _problem("Preset `tellal` alone: a field is missing or wrong; each is named."),
        429: _problem("Over the source's rate: 600 a minute, unless set otherwise."),
        503: _problem("Database away; send again after Retry-After."),
    },
}

_HEADERS: list[dict[str, Any]] = [
    _header("webhook-id", "The sender's id of this delivery; the same on every retry."),
    _header("webhook-timestamp", "Seconds since 1970; at most 5 minutes off."),
    _header(
        "webhook-signature",
        "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; several, separated by "
        "spaces, while a key is rotated.",
    ),
]

HANDSHAKE_DOC: dict[str, Any] = {
    "summary": "Ask whether CloudEvents may be sent",
    "description": "The handshake of CloudEvents webhooks: answers the origin and rate allowed.",
    "responses": {
        200: {"description": "They may; the headers say how often a minute."},
        404: _problem("Unknown source."),
        503: _problem("Database away; send again after Retry-After."),
    },
}

_REFUSALS = {
    status: answer for status, answer in DOOR_DOC["responses"].items() if status not in (200, 202)
}
_TRIED = {
    "type": "object",
    "title": "Tried",
    "required": ["verdict", "reason", "articles"],
    "properties": {
        "verdict": {
            "type": "string",
            "enum": ["accepted", "pending", "ignored", "failed"],
        },
        "reason": {"type": "string"},
        "articles": {"type": "array", "items": {"type": "object"}},
        "errors": _ERRORS,
    },
}

TRY_DOC: dict[str, Any] = {
    "summary": "Try an event",
    "description": (
        "The same request as for posting, with the source's own credential: answers the verdict, "
        "each article as it was mapped, its transition and topics, and how many would be told. "
        "Stores nothing."
    ),
    "responses": {
        200: _answer("What would become of it.", _TRIED),
        **{status: answer for status, answer in _REFUSALS.items() if status not in (409, 422)},
    },
}

_TIME = {"type": ["string", "null"], "format": "date-time"}
_STATUS = {
    "type": "object",
    "title": "Status",
    "required": ["article_id", "state", "topics", "places", "deliveries"],
    "properties": {
        "article_id": {"type": "integer"},
        "state": {"type": "string", "enum": ["published", "withdrawn"]},
        "revision": {"type": ["integer", "null"]},
        "revision_state": {
            "type": ["string", "null"],
            "enum": ["received", "classified", "quarantined", None],
        },
        "received_at": _TIME,
        "classified_at": _TIME,
        "in_feeds_since": _TIME,
        "notification": {"type": ["object", "null"]},
        "topics": {"type": "array", "items": {"type": "object"}},
        "places": {"type": "array", "items": {"type": "object"}},
        "deliveries": {"type": "object"},
    },
}

STATUS_DOC: dict[str, Any] = {
    "summary": "Where an article is",
    "description": (
        "Its state, topics and places with score and evidence, and the ledger's counts by outcome. "
        "The token in the address is the only credential."
    ),
    "responses": {
        200: _answer("The article's way so far.", _STATUS),
        404: _problem("Not one of our status addresses."),
    },
}


def describe_door(spec: dict[str, Any]) -> dict[str, Any]:
    """Add to the OpenAPI document what no decorator can say: signed headers and the raw body."""
    article = CanonicalArticle.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(article.pop("$defs", {}))
    schemas["Article"] = article
    for path in ("/v1/sources/{slug}/articles", "/v1/sources/{slug}/try"):
        operation = spec["paths"][path]["post"]
        operation["parameters"] = [*operation.get("parameters", []), *_HEADERS]
        operation["requestBody"] = {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Article"}},
            },
        }
    return spec
