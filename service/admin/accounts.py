"""Staff accounts, as the command line makes them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from flask_security import hash_password
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.admin.sign_in import MIN_PASSWORD, account_address
from service.models import Role, Staff
from service.models.staff import ROLES
from service.subscriptions.addresses import AddressError


class AccountError(ValueError):
    """An account cannot be made; the text says why."""


def add_staff(session: Session, email: str, password: str, roles: Iterable[str]) -> Staff:
    """Make an account. Needs the application's context, for the hash; the caller commits.

    Raises:
        AccountError: bad address, short password, unknown role, or the account exists.
    """
    try:
        address = account_address(email)
    except AddressError as error:
        raise AccountError(f"{email!r} is no email address: {error}") from error
    if len(password) < MIN_PASSWORD:
        raise AccountError(f"The password needs at least {MIN_PASSWORD} characters.")
    wanted = list(dict.fromkeys(roles))
    unknown = [name for name in wanted if name not in ROLES]
    if unknown or not wanted:
        raise AccountError(f"Choose one or more of these roles: {', '.join(ROLES)}.")
    staff = Staff(
        email=address,
        password=hash_password(password),
        fs_uniquifier=secrets.token_hex(32),
        roles=[_role(session, name) for name in wanted],
    )
    try:
        with session.begin_nested():
            session.add(staff)
            session.flush()
    except IntegrityError:
        raise AccountError(f"There is an account for {address} already.") from None
    return staff


def _role(session: Session, name: str) -> Role:
    """Find a role, or make it on its first use."""
    role = session.scalar(select(Role).where(Role.name == name))
    if role is None:
        role = Role(name=name, description=ROLES[name])
        session.add(role)
        session.flush()
    return role
