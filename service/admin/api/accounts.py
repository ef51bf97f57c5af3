"""Accounts of the staff for programs. A key changes no account that may do more than the key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response, jsonify, make_response
from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import account_acts, accounts, scope, second_factor
from service.admin.accounts import AccountError
from service.admin.api.documented import VERSIONED, described
from service.admin.api.entering import my_powers, needs, record
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.api.versions import etag_of, require_match, with_etag
from service.admin.powers import Power
from service.models import Staff, Topic
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint("admin_accounts", __name__, url_prefix="/v1/admin/accounts", tag="Accounts")


class AccountOut(BaseModel):
    """Somebody of the staff."""

    id: int
    email: str
    roles: list[str]
    topics: list[str] = Field(description="Slugs that decisions are limited to; empty: all.")
    active: bool
    is_break_glass: bool
    signs_in: str = Field(description="`password`, `oidc`, or `none` before a first password.")
    has_second_factor: bool
    language: str
    created_at: datetime
    last_sign_in_at: datetime | None


class AddedOut(AccountOut):
    """With the link by which the person chooses a password: three days, once, shown this once."""

    link: str


class AddIn(BaseModel):
    """A new account; nothing is mailed."""

    email: str = Field(min_length=3, max_length=254)
    roles: list[str] = Field(min_length=1, max_length=10)


class RolesIn(BaseModel):
    """All roles that the person has afterwards."""

    roles: list[str] = Field(min_length=1, max_length=10)


class TopicsIn(BaseModel):
    """All topics that decisions are limited to afterwards; empty: no limit."""

    topics: list[str] = Field(max_length=200)


@api.get("")
@needs(Power.STAFF)
@api.input(PageQuery, location="query", arg_name="page")
@api.doc(**described("List accounts", Page[AccountOut]))
def list_accounts(page: PageQuery) -> dict[str, Any]:
    """Oldest first."""
    (after,) = key_of(page.after, int) or (0,)
    query = select(Staff).where(Staff.id > after).order_by(Staff.id).limit(page.limit + 1)
    with runtime().db.read() as session:
        found = session.scalars(query).all()
        items = [_shown(session, one) for one in found[: page.limit]]
    last = cursor(items[-1].id) if len(found) > page.limit else None
    return Page[AccountOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/<int:staff_id>")
@needs(Power.STAFF)
@api.doc(**described("Read an account", AccountOut, 404, *VERSIONED))
def show(staff_id: int) -> Response:
    with runtime().db.read() as session:
        body = _shown(session, _get(session, staff_id)).model_dump(mode="json")
    return with_etag(jsonify(body), etag_of(body))


@api.post("")
@needs(Power.STAFF)
@api.input(AddIn, arg_name="wanted")
@api.doc(**described("Add an account", AddedOut, 409, status=201))
def add(wanted: AddIn) -> Response:
    """Roles may allow no more than the key."""
    try:
        with runtime().db.write() as session:
            staff = accounts.add_staff(
                session, wanted.email, None, wanted.roles, ceiling=my_powers()
            )
            record(session, "staff.add", staff.id, roles=wanted.roles)
            shown = _shown(session, staff)
    except AccountError as error:
        raise _problem(error) from error
    return make_response(_with_link(shown, staff), 201)


@api.post("/<int:staff_id>/roles")
@needs(Power.STAFF)
@api.input(RolesIn, arg_name="wanted")
@api.doc(**described("Set the roles", AccountOut, 404, 409, 412, 428))
def roles(staff_id: int, wanted: RolesIn) -> dict[str, Any]:
    """The last administrator keeps that role."""
    return _do(staff_id, "roles", {"roles": wanted.roles}, is_matched=True)


@api.post("/<int:staff_id>/topics")
@needs(Power.STAFF)
@api.input(TopicsIn, arg_name="wanted")
@api.doc(**described("Limit to topics", AccountOut, 404, 409, 412, 428))
def topics(staff_id: int, wanted: TopicsIn) -> dict[str, Any]:
    return _do(staff_id, "topics", {"topics": wanted.topics}, is_matched=True)


@api.post("/<int:staff_id>/deactivate")
@needs(Power.STAFF)
@api.doc(**described("End an account", AccountOut, 404, 409))
def deactivate(staff_id: int) -> dict[str, Any]:
    """Its sessions end and its keys count no more. The last administrator stays."""
    return _do(staff_id, "deactivate")


@api.post("/<int:staff_id>/activate")
@needs(Power.STAFF)
@api.doc(**described("Let somebody in again", AccountOut, 404, 409))
def activate(staff_id: int) -> dict[str, Any]:
    return _do(staff_id, "activate")


@api.post("/<int:staff_id>/reset-second-factor")
@needs(Power.STAFF)
@api.doc(**described("Reset the second factor", AccountOut, 404, 409))
def reset_second_factor(staff_id: int) -> dict[str, Any]:
    """The next sign-in sets up another app."""
    return _do(staff_id, "reset-second-factor")


@api.post("/<int:staff_id>/end-sessions")
@needs(Power.STAFF)
@api.doc(**described("Sign somebody out everywhere", AccountOut, 404, 409))
def end_sessions(staff_id: int) -> dict[str, Any]:
    return _do(staff_id, "end-sessions")


@api.post("/<int:staff_id>/link")
@needs(Power.STAFF)
@api.doc(**described("Give a new link for a password", AddedOut, 404, 409))
def link(staff_id: int) -> dict[str, Any]:
    """Ends the password, all sessions and earlier links."""
    _do(staff_id, "link")
    with runtime().db.read() as session:
        staff = _get(session, staff_id)
        return _with_link(_shown(session, staff), staff)


def _do(
    staff_id: int,
    name: str,
    given: dict[str, list[str]] | None = None,
    *,
    is_matched: bool = False,
) -> dict[str, Any]:
    """Do one act of the table that the pages use, too."""
    fields = given or {}
    try:
        with runtime().db.write() as session:
            staff = _get(session, staff_id)
            if is_matched:
                require_match(etag_of(_shown(session, staff).model_dump(mode="json")))
            account_acts.do(
                session, name, staff, lambda field: fields.get(field, []), my_powers(), record
            )
            return _shown(session, staff).model_dump(mode="json")
    except AccountError as error:
        raise _problem(error) from error


def _problem(error: AccountError) -> Problem:
    """What a field says is 422, what the account's state forbids 409."""
    if not error.field:
        return Problem(409, "Conflict", str(error))
    field = {"field": error.field, "message": str(error)}
    return Problem(422, "Unprocessable Content", str(error), errors=[field])


def _with_link(shown: AccountOut, staff: Staff) -> dict[str, Any]:
    added = AddedOut(**shown.model_dump(), link=account_acts.link_of(runtime(), staff))
    return added.model_dump(mode="json")


def _get(session: Session, staff_id: int) -> Staff:
    staff = session.get(Staff, staff_id)
    if staff is None:
        raise Problem(404, "Not Found", f"There is no account {staff_id}.")
    return staff


def _shown(session: Session, staff: Staff) -> AccountOut:
    limits = scope.topics_of_scope(session, staff.id)
    slugs = session.scalars(select(Topic.slug).where(Topic.id.in_(limits)).order_by(Topic.slug))
    by_password = "password" if staff.password else "none"
    return AccountOut(
        id=staff.id,
        email=staff.email,
        roles=accounts.role_names(staff),
        topics=list(slugs) if limits else [],
        active=staff.active,
        is_break_glass=staff.is_break_glass,
        signs_in="oidc" if staff.oidc_subject else by_password,
        has_second_factor=second_factor.is_set_up(staff),
        language=staff.language,
        created_at=staff.created_at,
        last_sign_in_at=staff.last_sign_in_at,
    )
