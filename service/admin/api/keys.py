"""API keys for programs: a key makes keys of its own person, with no more powers than it has."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, make_response
from pydantic import BaseModel, Field
from sqlalchemy import select

from service.admin import keys
from service.admin.api.documented import described
from service.admin.api.entering import me, my_powers, needs, record
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.keys import RefusedKey
from service.admin.powers import Power
from service.db import utcnow
from service.models import ApiKey, Staff
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint("admin_keys", __name__, url_prefix="/v1/admin/keys", tag="API keys")


class KeyOut(BaseModel):
    """A key, without itself."""

    id: int
    account_id: int
    name: str
    begins_with: str
    powers: list[str]
    created_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class MadeOut(KeyOut):
    """The key itself is shown this once."""

    key: str


class KeyIn(BaseModel):
    """A key to be made."""

    name: str = Field(min_length=1, max_length=keys.MAX_NAME)
    powers: list[str] = Field(min_length=1, max_length=len(Power))
    days: int = Field(90, ge=1, le=keys.MAX_DAYS, description="Until it expires.")


@api.get("")
@needs(Power.SEE)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List keys", Page[KeyOut]))
def list_keys(page: PageQuery) -> dict[str, Any]:
    """Oldest first; one's own, or everybody's where the key has the power `staff`."""
    (after,) = key_of(page.after, int) or (0,)
    query = select(ApiKey).where(ApiKey.id > after).order_by(ApiKey.id).limit(page.limit + 1)
    if Power.STAFF not in my_powers():
        query = query.where(ApiKey.staff_id == me().staff_id)
    with runtime().db.read() as session:
        found = session.scalars(query).all()
    items = [_shown(key) for key in found[: page.limit]]
    last = cursor(items[-1].id) if len(found) > page.limit else None
    return Page[KeyOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.post("")
@needs(Power.SEE)
@api.input(KeyIn, arg_name="wanted")
@api.doc(**described("Make a key", MadeOut, status=201))
def add(wanted: KeyIn) -> Response:
    """Of the same person; it has no power that this key lacks, and ends with it at the latest."""
    now = utcnow()
    try:
        with runtime().db.write() as session:
            staff, mine = (
                session.get_one(Staff, me().staff_id),
                session.get_one(ApiKey, me().key_id),
            )
            key, secret = keys.make(
                session,
                runtime().vault,
                staff,
                name=wanted.name,
                powers=wanted.powers,
                days=wanted.days,
                ceiling=my_powers(),
                now=now,
                latest=mine.expires_at,
            )
            record(session, "key.add", key.id, powers=key.powers, expires=key.expires_at)
    except RefusedKey as error:
        field = {"field": error.field, "message": str(error)}
        raise Problem(422, "Unprocessable Content", str(error), errors=[field]) from error
    made = MadeOut(**_shown(key).model_dump(), key=secret)
    return make_response(made.model_dump(mode="json"), 201)


@api.post("/<int:key_id>/revoke")
@needs(Power.SEE)
@api.doc(**described("Revoke a key", KeyOut, 404))
def revoke(key_id: int) -> dict[str, Any]:
    """For good. One's own, or anybody's where the key has the power `staff`."""
    with runtime().db.write() as session:
        key = session.get(ApiKey, key_id)
        if key is None or not (key.staff_id == me().staff_id or Power.STAFF in my_powers()):
            raise Problem(404, "Not Found", f"There is no key {key_id}.")
        if keys.revoke(session, key_id, utcnow()):
            record(session, "key.revoke", key_id)
        session.refresh(key)
        return _shown(key).model_dump(mode="json")


def _shown(key: ApiKey) -> KeyOut:
    return KeyOut(
        id=key.id,
        account_id=key.staff_id,
        name=key.name,
        begins_with=key.prefix,
        powers=key.powers,
        created_at=key.created_at,
        expires_at=key.expires_at,
        last_used_at=key.last_used_at,
        revoked_at=key.revoked_at,
    )
