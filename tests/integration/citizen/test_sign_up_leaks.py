"""Nobody learns whether an address is known, and nobody floods a mailbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from service.app import create_app
from service.models import Suppression
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.addresses import address_hash

Person = Any
ADDRESSES = ("known@example.com", "unsure@example.com", "brand@example.com", "angry@example.com")


@contextmanager
def statements(runtime: Runtime) -> Any:
    """The statements that an application sends meanwhile, values left out. Keeping what was done
    since a savepoint and giving it up are one statement each."""
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(re.sub("^(RELEASE|ROLLBACK TO) SAVEPOINT", "END OF SAVEPOINT", statement))

    event.listen(runtime.db.engine, "before_cursor_execute", note)
    yield found
    event.remove(runtime.db.engine, "before_cursor_execute", note)


@pytest.fixture
def addresses(
    runtime: Runtime, person: Person, confirm_token: Callable[[], str]
) -> tuple[str, ...]:
    """Known and subscribed; asked before and not confirmed; never seen; complained."""
    person.sign_up(ADDRESSES[0])
    person.client.post(f"/confirm/{confirm_token()}")
    person.sign_up(ADDRESSES[1])
    with runtime.db.write() as session:
        hashed = address_hash(runtime.vault, "email", ADDRESSES[3])
        session.add(Suppression(address_hash=hashed, reason="complaint"))
    return ADDRESSES


def test_every_address_gets_the_same_bytes_after_the_same_statements(
    app: Any, person: Person, addresses: tuple[str, ...]
) -> None:
    seen = []
    for address in addresses:
        somebody = type(person)(app.test_client())
        page = somebody.fill_in(address)
        with statements(app.extensions["tellal"]) as found:
            end = somebody.finish(page)
        text = re.sub(r'name="choices" value="[^"]*"', "", end.text.replace(address, "ADDRESS"))
        headers = sorted(name for name, _ in end.headers)
        seen.append((end.status_code, headers, text, tuple(found)))
    assert len(seen[0][3]) > 8
    for other in seen[1:]:
        assert other == seen[0]


def test_asking_again_is_refused_alike_for_every_address(
    app: Any, person: Person, addresses: tuple[str, ...]
) -> None:
    codes = []
    for address in (addresses[0], "fresh@example.com", addresses[3]):
        somebody = type(person)(app.test_client())
        page = somebody.fill_in(address)
        found = [somebody.finish(page).status_code for _ in range(5)]
        codes.append(found[-1])
    assert codes == [429, 429, 429]


def test_an_address_is_asked_four_times_a_minute_and_no_more(app: Any, person: Person) -> None:
    page = person.fill_in("ayse@example.com")
    answers = [person.finish(page) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
    assert "Çok fazla istek" in answers[-1].text
    assert type(person)(app.test_client()).sign_up("other@example.com").status_code == 200


def test_all_confirmation_mail_together_has_a_cap(settings: Settings, person: Person) -> None:
    """What one address may not ask any more does not use it up."""
    app = create_app(settings.model_copy(update={"confirmation_mails_per_hour": 5}))
    somebody = type(person)(app.test_client())
    page = somebody.fill_in("ayse@example.com")
    codes = [somebody.finish(page).status_code for _ in range(6)]
    codes += [somebody.sign_up(f"a{n}@example.com").status_code for n in range(2)]
    app.extensions["tellal"].close()
    assert codes == [200, 200, 200, 200, 429, 429, 200, 429]


def test_the_address_is_in_no_link_and_in_no_header(person: Person) -> None:
    end = person.sign_up("ayse@example.com")
    assert not re.search(r'(?:href|action)="[^"]*(?:ayse|%40|@)', end.text)
    assert all("ayse" not in value for _, value in end.headers)
