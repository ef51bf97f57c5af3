"""Pages by key: a cursor names the last row of a page, so nobody counts and nothing is skipped."""

from __future__ import annotations

import base64
from typing import Any, Generic, TypeVar

import orjson
from flask import request, url_for
from pydantic import BaseModel, Field

from service.problems import Problem

T = TypeVar("T")
MOST = 100


class PageQuery(BaseModel):
    """Which page: after which row, and how many rows."""

    after: str | None = Field(None, description="The `next` of the page before.", max_length=500)
    limit: int = Field(25, ge=1, le=MOST, description="Rows of a page.")


class Page(BaseModel, Generic[T]):
    """Some rows; `next` is null on the last page, else the address of the next one."""

    items: list[T]
    next: str | None = None


def cursor(*key: Any) -> str:
    """The text that stands for a row's key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).rstrip(b"=").decode()


def key_of(text: str | None, *kinds: type) -> tuple[Any, ...] | None:
    """The key that a cursor stands for; null for none.

    Raises:
        Problem: it is none of ours.
    """
    if text is None:
        return None
    try:
        found = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        is_ours = [type(one) for one in found] == list(kinds)
    except (ValueError, TypeError):
        is_ours = False
    if not is_ours or any(isinstance(one, int) and abs(one) >= 2**63 for one in found):
        raise Problem(400, "Bad Request", "`after` is no cursor of ours: take `next` as it is.")
    return tuple(found)


def next_page(after: str | None) -> str | None:
    """The address of the next page of this request, its filters kept; null for none."""
    if after is None or request.endpoint is None:
        return None
    values = {**request.args.to_dict(), **(request.view_args or {}), "after": after}
    return url_for(request.endpoint, **values)
