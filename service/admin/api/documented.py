"""What OpenAPI says of a route of the staff's API: its answer, its problems, its key."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from service.admin.api.entering import SCHEME

PROBLEM: dict[str, Any] = {
    "type": "object",
    "title": "Problem",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
TEXTS = {
    304: "It is as it was (`If-None-Match`).",
    400: "The request could not be read.",
    401: "No key, or one that is unknown, revoked or expired.",
    403: "The key lacks the power for it.",
    404: "There is no such thing.",
    409: "It is not in a state in which that could be done; the text says why.",
    412: "Somebody changed it since it was read.",
    413: "Too much at once.",
    422: "A field is missing or wrong; each is named.",
    428: "`If-Match` is missing.",
    429: "Too many requests.",
}
ALWAYS = (400, 401, 403, 422, 429)
VERSIONED = (304, 412)  # also of what is read, where the answer has a version


def described(summary: str, answer: type[BaseModel], *more: int, status: int = 200) -> Any:
    """For `@api.doc(**described(...))`: the answer's model, and further statuses of problems."""
    schema = answer.model_json_schema(mode="serialization")
    responses: dict[int, Any] = {
        status: {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    }
    content = {"application/problem+json": {"schema": PROBLEM}}
    for code in sorted({*ALWAYS, *more}):
        responses[code] = {"description": TEXTS[code]}
        if code >= HTTPStatus.BAD_REQUEST:
            responses[code]["content"] = content
    return {"summary": summary, "responses": responses, "security": SCHEME}
