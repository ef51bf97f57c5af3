"""Staff with a second factor, for tests: one secret that all of them know."""

from __future__ import annotations

from functools import cache
from typing import Any

from apiflask import APIFlask
from flask_security import hash_password
from sqlalchemy import select

from service.admin import second_factor
from service.admin.accounts import add_staff
from service.db import utcnow
from service.models import Staff
from service.runtime import Runtime

PASSWORD = "uzun bir parola 1"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


@cache
def hashed() -> str:
    """The hash of the password, made once: it is meant to be slow. Needs the application's
    context."""
    return str(hash_password(PASSWORD))


def add(app: APIFlask, runtime: Runtime, email: str, *roles: str) -> int:
    """An account whose app is set up; returns its number."""
    with app.app_context(), runtime.db.write() as session:
        staff = add_staff(session, email, None, roles or ["administrator"])
        staff.password = hashed()
        second_factor.enrol(runtime.vault, staff, SECRET, 0)
        return staff.id


def code(runtime: Runtime, email: str) -> str:
    """A code that counts now; what was used before is forgotten, for nobody waits half a minute."""
    with runtime.db.write() as session:
        session.scalars(select(Staff).where(Staff.email == email)).one().totp_step = 0
    return second_factor.code_of(SECRET, second_factor.step_at(utcnow()))


def sign_in(page: Any, base: str, runtime: Runtime, email: str) -> None:
    """Sign in with a real browser."""
    page.goto(f"{base}/staff/login")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    enter_code(page, runtime, email)


def enter_code(page: Any, runtime: Runtime, email: str) -> None:
    """Send the form with the password, and the one with the code that follows it."""
    with page.expect_navigation():
        page.click("main button[type=submit]")
    page.fill("#code", code(runtime, email))
    with page.expect_navigation():
        page.click("main button[type=submit]")
