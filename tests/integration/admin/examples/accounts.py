"""What administrators do with accounts, and everybody with their own."""

from __future__ import annotations

import secrets
from typing import Any

from sqlalchemy import select

from service.admin import second_factor
from service.models import Role, Staff
from service.runtime import Runtime
from tests.integration.admin.examples import Example
from tests.staff import PASSWORD, SECRET

NEW = "yeni bir uzun parola"
ANY = {"If-Match": "*"}


def one(runtime: Runtime, *, is_active: bool = True) -> dict[str, Any]:
    """Somebody beside the accounts of the fixtures, with an app."""
    with runtime.db.write() as session:
        role = session.scalars(select(Role).where(Role.name == "reviewer")).one()
        staff = Staff(
            email="biri@tellal.example",
            password="x",
            active=is_active,
            fs_uniquifier=secrets.token_hex(32),
            roles=[role],
        )
        session.add(staff)
        session.flush()
        second_factor.enrol(runtime.vault, staff, SECRET, 0)
        return {"staff_id": staff.id}


def ended(runtime: Runtime) -> dict[str, Any]:
    return one(runtime, is_active=False)


EXAMPLES = {
    "accounts.add": Example("staff.add", {"email": "yeni@tellal.example", "roles": "viewer"}),
    "accounts.roles": Example("staff.roles", {"roles": ["editor"]}, one),
    "accounts.topics": Example("staff.topics", {"topics": ["ulasim"]}, one),
    "accounts.deactivate": Example("staff.deactivate", prepare=one),
    "accounts.activate": Example("staff.activate", prepare=ended),
    "accounts.reset_second_factor": Example("staff.reset-second-factor", prepare=one),
    "accounts.end_sessions": Example("staff.end-sessions", prepare=one),
    "accounts.link": Example("staff.link", prepare=one),
    "me.password": Example("staff.password", {"old": PASSWORD, "password": NEW, "again": NEW}),
    "me.recovery_codes": Example("staff.recovery-codes"),
    "me.speak": Example("staff.language", {"language": "en"}),
    "me.end_sessions": Example("staff.end-sessions"),
    "admin_accounts.add": Example(
        "staff.add", {"email": "yeni@tellal.example", "roles": ["viewer"]}
    ),
    "admin_accounts.roles": Example("staff.roles", {"roles": ["editor"]}, one, ANY),
    "admin_accounts.topics": Example("staff.topics", {"topics": ["ulasim"]}, one, ANY),
    "admin_accounts.deactivate": Example("staff.deactivate", prepare=one),
    "admin_accounts.activate": Example("staff.activate", prepare=ended),
    "admin_accounts.reset_second_factor": Example("staff.reset-second-factor", prepare=one),
    "admin_accounts.end_sessions": Example("staff.end-sessions", prepare=one),
    "admin_accounts.link": Example("staff.link", prepare=one),
}
