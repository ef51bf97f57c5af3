"""What staff do for subscribers, with lists, suppressions."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import select

from service.acts import Actor
from service.admin.looking import token_for
from service.db import utcnow
from service.jobs import import_rules, running
from service.ledger.suppressions import add_by_hand
from service.models import Staff, Via
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Ask, ask
from tests.integration.admin.examples import Example
from tests.integration.town import Town

ADDRESS = "ayse@example.org"
ADMINISTRATOR = "administrator@tellal.example"
LIST = "address,topics,places,frequency,language\nali@example.org,iklim-cevre,,daily,tr\n"
WHY = {"reason": "Telefonda istedi"}


class Form(Mapping[str, Any]):
    """Answers that depend on what was prepared, or hold a file that is read only once."""

    def __init__(self, **makers: Any) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Any:
        value = self._makers[name]
        return value() if callable(value) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


made: dict[str, Any] = {}


def person(runtime: Runtime) -> dict[str, Any]:
    """A reader, and the token under which the administrator sees them."""
    destination_id = Town(runtime).reader(address=ADDRESS)
    with runtime.db.read() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.email == ADMINISTRATOR)).one()
    made["key"] = token_for(runtime.vault, Actor(staff_id, Via.PAGE), destination_id)
    return {}


def asking(runtime: Runtime) -> dict[str, Any]:
    """Somebody who has more choices to confirm."""
    person(runtime)
    with runtime.db.write() as session:
        request = Ask(ADDRESS, Choices(), "tr", "Rıza", "web", "r")
        ask(session, runtime.vault, request)
    return {}


def suppressed(runtime: Runtime) -> dict[str, Any]:
    hashed = address_hash(runtime.vault, "email", ADDRESS)
    with runtime.db.write() as session:
        add_by_hand(session, hashed, "Telefon", utcnow())
    return {}


def checked(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.email == ADMINISTRATOR)).one()
        run = import_rules.upload(
            runtime,
            session,
            LIST.encode(),
            staff_id,
            origin="Form",
            evidence="Dosya 17",
            is_by_letter=False,
        )
    running.run(runtime, run.check_job_id or 0)
    return {"import_id": run.id}


def stored(runtime: Runtime) -> dict[str, Any]:
    values = checked(runtime)
    with runtime.db.write() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.email == ADMINISTRATOR)).one()
        job = import_rules.store(session, values["import_id"], staff_id)
    assert job is not None
    running.run(runtime, job.id)
    return values


def key() -> str:
    return str(made["key"])


def upload() -> tuple[io.BytesIO, str]:
    return io.BytesIO(LIST.encode()), "liste.csv"


EMAIL = {"email": ADDRESS}
AN_ADDRESS = {"address": ADDRESS}
PAGE_ACT, API_ACT = Form(key=key, **WHY), Form(person=key, **WHY)
CONSENT = {"origin": "Form", "evidence": "Dosya 17"}
EXAMPLES = {
    "subscribers.look": Example("subscriber.look", EMAIL, person),
    "subscribers.resend": Example("subscriber.resend", PAGE_ACT, asking),
    "subscribers.send_sign_in": Example("subscriber.sign-in-link", PAGE_ACT, person),
    "subscribers.end": Example("subscriber.end", Form(key=key, subscription="1", **WHY), person),
    "subscribers.export": Example("subscriber.export", PAGE_ACT, person),
    "subscribers.erase": Example("subscriber.erase", Form(key=key, address=ADDRESS, **WHY), person),
    "suppressions.look": Example("suppression.look", EMAIL),
    "suppressions.add": Example("suppression.add", {**EMAIL, **WHY}),
    "suppressions.lift": Example("suppression.lift", {**EMAIL, **WHY}, suppressed),
    "imports.add": Example("import.check", Form(file=upload, **CONSENT)),
    "imports.store": Example("import.store", {"rows": "1"}, checked),
    "imports.undo": Example("import.undo", {"rows": "1", **WHY}, stored),
    "imports.drop": Example("import.drop", prepare=checked),
    "admin_subscribers.lookup": Example("subscriber.look", AN_ADDRESS, person),
    "admin_subscribers.resend": Example("subscriber.resend", API_ACT, asking),
    "admin_subscribers.send_sign_in": Example("subscriber.sign-in-link", API_ACT, person),
    "admin_subscribers.end": Example("subscriber.end", API_ACT, person),
    "admin_subscribers.export": Example("subscriber.export", API_ACT, person),
    "admin_subscribers.erase": Example("subscriber.erase", API_ACT, person),
    "admin_suppressions.lookup": Example("suppression.look", AN_ADDRESS),
    "admin_suppressions.add": Example("suppression.add", {**AN_ADDRESS, **WHY}),
    "admin_suppressions.lift": Example("suppression.lift", {**AN_ADDRESS, **WHY}, suppressed),
    "admin_imports.add": Example("import.check", {"csv": LIST, **CONSENT}),
    "admin_imports.store": Example("import.store", prepare=checked),
    "admin_imports.undo": Example("import.undo", WHY, stored),
    "admin_imports.drop": Example("import.drop", prepare=checked),
}
READS: dict[str, tuple[dict[str, Any], ...]] = {
    "subscribers.show": ({"key": "{key}"},),
    "bounces.index": ({}, {"domain": "example.com"}, {"verdict": "hard", "days": "90"}),
    "bounces.as_csv": ({"days": "90"},),
}
