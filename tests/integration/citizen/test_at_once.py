"""Two acts of one person, or about one address, at the same moment: both get a clean answer.

Each is stopped once it holds its first lock, until the other one has its own or is seen to wait: in
another order of locks PostgreSQL would have to break them up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from service.db import utcnow
from service.models import Destination
from service.runtime import Runtime
from service.subscriptions import moving, signing_in, subscribe
from service.subscriptions.choices import Choices
from service.subscriptions.erasing import erase

WAITS_S = 0.4  # an act that has its first lock, for another one that may never get there
NEW = "ayse@gmail.com"
Act = Callable[[Session], Any]


def at_once(runtime: Runtime, *acts: Act) -> list[Any]:
    """What each act has answered, or the error that it met."""
    both_hold, found = threading.Barrier(len(acts)), dict[int, Any]()
    holding = threading.local()

    def pause(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        is_lock = " FOR UPDATE" in statement or " FOR NO KEY" in statement
        is_write = statement.startswith(("UPDATE", "DELETE"))
        if (is_lock or is_write) and getattr(holding, "nothing", False):
            holding.nothing = False
            try:
                both_hold.wait(WAITS_S)
            except threading.BrokenBarrierError:
                return

    def run(number: int) -> None:
        holding.nothing = True
        try:
            with runtime.db.write() as session:
                found[number] = acts[number](session)
        except Exception as error:
            found[number] = error

    event.listen(runtime.db.engine, "after_cursor_execute", pause)
    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    event.remove(runtime.db.engine, "after_cursor_execute", pause)
    return [found[number] for number in range(len(acts))]


def errors(answers: list[Any]) -> list[Any]:
    return [answer for answer in answers if isinstance(answer, Exception)]


@pytest.fixture
def sign_up(runtime: Runtime) -> Callable[..., Act]:
    """Asking for news at an address."""

    def of(address: str) -> Act:
        wish = subscribe.Ask(address, Choices(), "tr", "Rıza", "web", "r")
        return lambda session: subscribe.ask(session, runtime.vault, wish)

    return of


def test_a_link_is_used_while_another_one_is_asked_for(
    resident: Any, runtime: Runtime, sign_up: Any
) -> None:
    with runtime.db.write() as session:
        sign_up("ayse@example.com")(session)
    token = resident.link("confirm", "confirm")
    for acts in ([0, 1], [1, 0]):
        both = (
            sign_up("ayse@example.com"),
            lambda session: subscribe.confirm(session, runtime.vault, token, "r"),
        )
        assert errors(at_once(runtime, *(both[n] for n in acts))) == []


def test_two_sign_in_links_are_opened(resident: Any, runtime: Runtime) -> None:
    tokens = []
    for _ in range(2):
        resident.send("/sign-in", email="ayse@example.com")
        tokens.append(resident.link("sign_in", "sign-in"))
    answers = at_once(
        runtime,
        *(
            lambda session, text=text: signing_in.enter(session, runtime.vault, text)[0]
            for text in tokens
        ),
    )
    assert errors(answers) == []
    assert sorted(answers)[0] == "done"
    assert sorted(answers)[1] in ("expired", "used")


def test_two_people_ask_for_each_others_address(resident: Any, runtime: Runtime, town: Any) -> None:
    other = town.reader("spor", address="bora@example.com")
    before = len(town.news())
    answers = at_once(
        runtime,
        lambda s: moving.ask(s, runtime.vault, resident.id, "bora@example.com", "r"),
        lambda s: moving.ask(s, runtime.vault, other, "ayse@example.com", "r"),
    )
    assert errors(answers) == []
    assert len(town.news()) == before + 4


def test_somebody_moves_while_the_new_address_signs_up(
    resident: Any, runtime: Runtime, town: Any, sign_up: Any
) -> None:
    with runtime.db.write() as session:
        moving.ask(session, runtime.vault, resident.id, NEW, "r")
    token = resident.link("move", "move")
    with runtime.db.write() as session:
        sign_up(NEW)(session)
    answers = at_once(
        runtime,
        lambda session: moving.move(session, runtime.vault, token, "r").state,
        sign_up(NEW),
    )
    assert errors(answers) == []
    assert answers[0] == "done"
    assert town.get(Destination, resident.id).address == NEW


def test_somebody_moves_and_asks_for_a_third_address(
    resident: Any, runtime: Runtime, town: Any
) -> None:
    with runtime.db.write() as session:
        moving.ask(session, runtime.vault, resident.id, NEW, "r")
    token = resident.link("move", "move")
    answers = at_once(
        runtime,
        lambda session: moving.ask(session, runtime.vault, resident.id, "c@example.com", "r"),
        lambda session: moving.move(session, runtime.vault, token, "r").state,
    )
    assert errors(answers) == []


def test_somebody_signs_up_again_while_being_erased(
    resident: Any, runtime: Runtime, town: Any, sign_up: Any
) -> None:
    answers = at_once(
        runtime,
        lambda session: erase(session, resident.id, utcnow()),
        sign_up("ayse@example.com"),
    )
    assert errors(answers) == []
    assert town.get(Destination, resident.id).verified_at is None


@pytest.mark.parametrize("link", ["confirm", "sign_in", "move"])
def test_a_link_is_used_while_its_person_is_erased(
    resident: Any, runtime: Runtime, town: Any, sign_up: Any, link: str
) -> None:
    with runtime.db.write() as session:
        sign_up("ayse@example.com")(session)
        moving.ask(session, runtime.vault, resident.id, NEW, "r")
    resident.send("/sign-in", email="ayse@example.com")
    token, vault = resident.link(link, link.replace("_", "-")), runtime.vault
    use: dict[str, Act] = {
        "confirm": lambda session: subscribe.confirm(session, vault, token, "r").state,
        "sign_in": lambda session: signing_in.enter(session, vault, token)[0],
        "move": lambda session: moving.move(session, vault, token, "r").state,
    }
    answers = at_once(runtime, lambda session: erase(session, resident.id, utcnow()), use[link])
    assert errors(answers) == []
    assert town.get(Destination, resident.id).verified_at is None
    assert resident.live() == []
