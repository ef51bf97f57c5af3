"""People who sign in through the city: accounts made at the first time, roles renewed at each."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin import accounts
from service.admin.accounts import ADMINISTRATOR, ALL_POWERS, AccountError
from service.admin.sign_in import account_address
from service.models import Staff
from service.settings import STAFF_ROLES, Settings
from service.subscriptions.addresses import AddressError
from service.subscriptions.chat_urls import N_

MAX_SUBJECT = 255
Changes = list[tuple[str, dict[str, Any]]]


class Refused(Exception):
    """Somebody whom the issuer knows may not come in; the text says why."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


def admit(session: Session, settings: Settings, claims: Mapping[str, Any]) -> tuple[Staff, Changes]:
    """The account of who these claims are about, and what has changed with it.

    Raises:
        Refused: no group with a role, no verified address, an ended account, or a local one with
            the same address: that is another account, which nobody takes over by a claim.
    """
    subject = f"{claims['iss']} {claims['sub']}"
    roles = roles_of(settings, claims)
    if not roles:
        raise Refused(N_("None of your groups may use Tellal. Ask an administrator."))
    if len(subject) > MAX_SUBJECT:
        raise Refused(N_("The city’s sign-in names you by too long a name."))
    staff = session.scalar(select(Staff).where(Staff.oidc_subject == subject))
    if staff is None:
        staff = _new(session, subject, roles, claims)
        return staff, [("staff.add", {"roles": roles, "by": "oidc"})]
    if not staff.active:
        raise Refused(N_("Your account was ended. Ask an administrator."))
    before = accounts.role_names(staff)
    return staff, _renew(session, staff, roles, before)


def roles_of(settings: Settings, claims: Mapping[str, Any]) -> list[str]:
    """The roles that somebody's groups give, in the order of the table."""
    groups = claims.get(settings.oidc_group_claim)
    mine = {groups} if isinstance(groups, str) else set()
    if isinstance(groups, list):
        mine = {one for one in groups if isinstance(one, str)}
    found = {role for group, role in settings.oidc_roles if group in mine}
    return [role for role in STAFF_ROLES if role in found]


def _new(session: Session, subject: str, roles: list[str], claims: Mapping[str, Any]) -> Staff:
    if claims.get("email_verified") is not True:
        raise Refused(N_("The city’s sign-in has not verified your email address."))
    try:
        address = account_address(str(claims.get("email", "")))
        staff = accounts.add_staff(session, address, None, roles)
    except AddressError as error:
        raise Refused(N_("The city’s sign-in has not verified your email address.")) from error
    except AccountError as error:
        text = N_("There is an account with your address already. Ask an administrator.")
        raise Refused(text) from error
    staff.oidc_subject, staff.fs_uniquifier = subject, secrets.token_hex(32)
    session.flush()
    return staff


def _renew(session: Session, staff: Staff, roles: list[str], before: list[str]) -> Changes:
    """What the groups say now. The last administrator stays one until there is another."""
    try:
        has_changed = accounts.set_roles(session, staff, roles, ALL_POWERS)
    except AccountError:
        has_changed = accounts.set_roles(session, staff, [*roles, ADMINISTRATOR], ALL_POWERS)
    if not has_changed:
        return []
    after = accounts.role_names(staff)
    return [("staff.roles", {"before": before, "after": after, "by": "oidc"})]
