"""Every form that takes an address answers alike, and works alike, whatever is known of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.models import Destination, Suppression, SuppressionReason
from service.runtime import Runtime
from service.subscriptions import moving
from service.subscriptions.addresses import address_hash
from service.subscriptions.erasing import erase
from tests.integration.citizen.test_sign_up_leaks import statements

ADDRESSES = {
    state: f"{state}@example.com"
    for state in (
        "known1",
        "pause1",
        "bounce",
        "compln",
        "erased",
        "moving",
        "wanted",
        "unsure",
        "nobody",
    )
}


@pytest.fixture
def addresses(runtime: Runtime, town: Any) -> dict[str, str]:
    """One address of each state that a person can be in, all of the same length."""
    ids = {
        state: town.reader("spor", address=address, is_verified=state != "unsure")
        for state, address in ADDRESSES.items()
        if state not in ("nobody", "wanted")
    }
    with runtime.db.write() as session:
        for state, reason in (
            ("bounce", SuppressionReason.HARD),
            ("compln", SuppressionReason.COMPLAINT),
        ):
            hashed = address_hash(runtime.vault, "email", ADDRESSES[state])
            session.add(Suppression(address_hash=hashed, reason=reason))
        break_ = update(Destination).where(Destination.id == ids["pause1"])
        session.execute(break_.values(paused_until=utcnow() + timedelta(days=3)))
        erase(session, ids["erased"], utcnow())
    with runtime.db.write() as session:
        moving.ask(session, runtime.vault, ids["moving"], ADDRESSES["wanted"], "r")
    return ADDRESSES


def seen(app: Any, address: str, send: Callable[[], Any]) -> tuple[Any, ...]:
    """All that somebody could tell an answer from another by, and the work behind it."""
    with statements(app.extensions["tellal"]) as found:
        answer = send()
    text = re.sub(r'value="[^"]*"', "", answer.text.replace(address, "ADDRESS"))
    names = sorted(name for name, _ in answer.headers)
    # How durable SQLite writes is set once, for the first of several in a connection.
    work = tuple(one for one in found if not one.startswith("PRAGMA synchronous"))
    return answer.status_code, answer.location, names, text, work


def all_alike(found: dict[str, tuple[Any, ...]]) -> None:
    for state, one in found.items():
        assert one == found["nobody"], state
    assert len(found["nobody"][-1]) > 4


def test_the_sign_up(app: Any, person: Any, addresses: dict[str, str]) -> None:
    found = {}
    for state, address in addresses.items():
        somebody = type(person)(app.test_client())
        page = somebody.fill_in(address)
        found[state] = seen(app, address, lambda at=somebody, page=page: at.finish(page))
    all_alike(found)


def test_the_sign_in(resident: Any, app: Any, runtime: Runtime, addresses: dict[str, str]) -> None:
    found = {}
    for state, address in addresses.items():
        somebody = type(resident)(app.test_client(), runtime, resident.id)
        found[state] = seen(
            app, address, lambda at=somebody, to=address: at.send("/sign-in", email=to)
        )
    all_alike(found)


def test_the_change_of_address(
    resident: Any, app: Any, runtime: Runtime, town: Any, addresses: dict[str, str]
) -> None:
    found = {}
    for state, address in addresses.items():
        asker = town.reader("spor", address=f"by-{state}@example.com")
        somebody = type(resident)(app.test_client(), runtime, asker)
        somebody.sign_in()
        with statements(app.extensions["tellal"]) as work:
            moving_to = somebody.send("/my/address", email=address)
        text = re.sub(r'value="[^"]*"', "", moving_to.text.replace(address, "ADDRESS"))
        found[state] = (moving_to.status_code, text, tuple(work))
    all_alike(found)
