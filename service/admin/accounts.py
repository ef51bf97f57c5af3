"""Staff accounts: the rules under the page, the API and the command line.

Each function acts in the caller's transaction; the caller notes the act. `ceiling` is what the one
who acts may do: nobody gives powers that they lack, nor takes over an account that has them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable

from flask_security import hash_password
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.admin import second_factor
from service.admin.powers import Power, powers_of
from service.admin.sign_in import MIN_PASSWORD, account_address
from service.models import Role, Staff, StaffRole
from service.models.staff import ROLES
from service.subscriptions.addresses import AddressError
from service.subscriptions.chat_urls import N_

ADMINISTRATOR = "administrator"
ALL_POWERS = frozenset(Power)


class AccountError(ValueError):
    """An account cannot be made or changed; the text is one sentence with `%(name)s` marks, so that
    a page can say it in the reader's language. The field is what to mend."""

    def __init__(self, text: str, field: str = "", **values: str) -> None:
        super().__init__(text % values)
        self.text, self.field, self.values = text, field, values


def add_staff(
    session: Session,
    email: str,
    password: str | None,
    roles: Iterable[str],
    *,
    ceiling: frozenset[Power] = ALL_POWERS,
    language: str = "tr",
) -> Staff:
    """Make an account; without a password it is opened by a first link (`first_link`).

    Needs the application's context, for the hash.

    Raises:
        AccountError: bad address, short password, unknown role, or the account exists.
    """
    try:
        address = account_address(email)
    except AddressError as error:
        text = N_("“%(address)s” is no email address")
        raise AccountError(text, "email", address=email[:254]) from error
    if password is not None and len(password) < MIN_PASSWORD:
        text = N_("The password needs at least 12 characters.")
        raise AccountError(text, "password")
    staff = Staff(
        email=address,
        password=hash_password(password) if password is not None else None,
        fs_uniquifier=secrets.token_hex(32),
        language=language,
        roles=[_role(session, name) for name in _checked(roles, ceiling)],
    )
    try:
        with session.begin_nested():
            session.add(staff)
            session.flush()
    except IntegrityError:
        text = N_("There is an account for %(address)s already.")
        raise AccountError(text, "email", address=address) from None
    return staff


def set_roles(
    session: Session, staff: Staff, roles: Iterable[str], ceiling: frozenset[Power]
) -> bool:
    """Give somebody these roles and no others; False where they have them.

    Raises:
        AccountError: none or an unknown one, beyond the ceiling, or the last administrator's.
    """
    _lock_administrators(session)
    session.refresh(staff)
    wanted = _checked(roles, ceiling)
    require_reach(staff, ceiling)
    if set(wanted) == set(role_names(staff)):
        return False
    if ADMINISTRATOR not in wanted:
        _require_another_administrator(session, staff)
    if staff.is_break_glass and ADMINISTRATOR not in wanted:
        text = N_("The account for emergencies keeps the role of administrator.")
        raise AccountError(text, "roles")
    staff.roles = [_role(session, name) for name in wanted]
    session.flush()
    return True


def deactivate(session: Session, staff: Staff, ceiling: frozenset[Power]) -> bool:
    """End an account, its sessions and its keys' use; what it did stays. False where it is ended.

    Raises:
        AccountError: the last administrator, or beyond the ceiling.
    """
    _lock_administrators(session)
    session.refresh(staff)
    require_reach(staff, ceiling)
    if not staff.active:
        return False
    _require_another_administrator(session, staff)
    staff.active, staff.is_break_glass = False, False
    end_sessions(staff)
    session.flush()
    return True


def activate(session: Session, staff: Staff, ceiling: frozenset[Power]) -> bool:
    """Let somebody in again; False where they may come in."""
    session.refresh(staff, with_for_update=True)
    require_reach(staff, ceiling)
    was, staff.active = staff.active, True
    return not was


def reset_second_factor(session: Session, staff: Staff, ceiling: frozenset[Power]) -> bool:
    """Take away a lost app; the next sign-in sets up another. False where there is none."""
    session.refresh(staff, with_for_update=True)
    require_reach(staff, ceiling)
    if not second_factor.is_set_up(staff):
        return False
    second_factor.reset(staff)
    end_sessions(staff)
    return True


def renew_link(session: Session, staff: Staff, ceiling: frozenset[Power]) -> None:
    """End password, sessions and earlier links, so that a new first link can be given.

    Raises:
        AccountError: signs in by the city's own sign-in, is ended, or is beyond the ceiling.
    """
    session.refresh(staff, with_for_update=True)
    require_reach(staff, ceiling)
    if staff.oidc_subject is not None:
        raise AccountError(N_("This account has no password: it signs in through the city."))
    if not staff.active:
        raise AccountError(N_("This account is ended; let it in again first."))
    staff.password = None
    end_sessions(staff)


def end_sessions(staff: Staff) -> None:
    """Sign somebody out everywhere."""
    staff.fs_uniquifier = secrets.token_hex(32)


def make_break_glass(session: Session, staff: Staff) -> bool:
    """Make this the one account that opens by password where the city's own sign-in is on.

    Raises:
        AccountError: it has no password, is ended, or is no administrator.
    """
    _lock_administrators(session)
    session.refresh(staff)
    if staff.password is None or not staff.active or ADMINISTRATOR not in role_names(staff):
        text = N_("The account for emergencies must be an administrator with a password.")
        raise AccountError(text)
    if staff.is_break_glass:
        return False
    session.execute(update(Staff).where(Staff.is_break_glass).values(is_break_glass=False))
    staff.is_break_glass = True
    session.flush()
    return True


def role_names(staff: Staff) -> list[str]:
    """The roles of somebody, in the order of the table."""
    have = {role.name for role in staff.roles}
    return [name for name in ROLES if name in have]


def require_reach(staff: Staff, ceiling: frozenset[Power]) -> None:
    """Refuse to act on an account that may do more than the one who acts.

    Raises:
        AccountError: it may.
    """
    if not powers_of(role_names(staff)) <= ceiling:
        raise AccountError(N_("This account may do more than what you act with."))


def _checked(roles: Iterable[str], ceiling: frozenset[Power]) -> list[str]:
    wanted = list(dict.fromkeys(roles))
    if not wanted or any(name not in ROLES for name in wanted):
        text = N_("Choose one or more of these roles: %(roles)s.")
        raise AccountError(text, "roles", roles=", ".join(ROLES))
    if not powers_of(wanted) <= ceiling:
        raise AccountError(N_("Nobody gives a role that may do more than they may."), "roles")
    return wanted


def _lock_administrators(session: Session) -> None:
    """Two who take the last two administrators away at once wait for each other here."""
    _role(session, ADMINISTRATOR)
    session.execute(select(Role.id).where(Role.name == ADMINISTRATOR).with_for_update()).all()


def _require_another_administrator(session: Session, staff: Staff) -> None:
    """Raises AccountError where nobody else could give this role back."""
    others = (
        select(func.count(Staff.id))
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .join(Role, Role.id == StaffRole.role_id)
        .where(Role.name == ADMINISTRATOR, Staff.active.is_(True), Staff.id != staff.id)
    )
    if staff.active and ADMINISTRATOR in role_names(staff) and not session.scalar(others):
        text = N_("This is the last administrator: give somebody else that role first.")
        raise AccountError(text, "roles")


def _role(session: Session, name: str) -> Role:
    """Find a role, or make it on its first use."""
    role = session.scalar(select(Role).where(Role.name == name))
    if role is None:
        role = Role(name=name, description=ROLES[name])
        session.add(role)
        session.flush()
    return role
