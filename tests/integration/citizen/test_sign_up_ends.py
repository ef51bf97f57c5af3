"""What confirming does: signed in, changed choices, links of older mails; and the letters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask import Flask
from sqlalchemy import select

from service.citizen.signed_in import person as signed_in_person
from service.models import Destination, Frequency, MailboxMessage, Subscription
from service.runtime import Runtime

Person = Any
ConfirmToken = Callable[[], str]


def live(runtime: Runtime) -> list[Subscription]:
    with runtime.db.read() as session:
        rows = select(Subscription).where(Subscription.ended_at.is_(None))
        return list(session.scalars(rows.order_by(Subscription.id)))


def who(app: Flask, runtime: Runtime, client: Any) -> str | None:
    """The address by which a browser is signed in."""
    cookie = client.get_cookie("session")
    headers = {"Cookie": f"session={cookie.value}"} if cookie else {}
    with app.test_request_context("/", headers=headers), runtime.db.read() as session:
        found = signed_in_person(session)
        return found.address if found else None


def test_whoever_confirms_is_signed_in_and_a_second_click_signs_nobody_in(
    app: APIFlask, runtime: Runtime, person: Person, confirm_token: ConfirmToken
) -> None:
    person.sign_up("ayse@example.com")
    token = confirm_token()
    person.client.get(f"/confirm/{token}")
    assert who(app, runtime, person.client) is None
    person.client.post(f"/confirm/{token}")
    assert who(app, runtime, person.client) == "ayse@example.com"
    other = app.test_client()
    assert "Aboneliğiniz başladı" in other.post(f"/confirm/{token}").text
    assert who(app, runtime, other) is None


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_on_another_site_confirms_and_signs_nobody_in(
    app: APIFlask, runtime: Runtime, person: Person, confirm_token: ConfirmToken, site: str
) -> None:
    person.sign_up("ayse@example.com")
    answer = person.client.post(f"/confirm/{confirm_token()}", headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 200
    assert "Set-Cookie" not in answer.headers
    assert who(app, runtime, person.client) is None
    assert len(live(runtime)) == 1


def test_the_newest_wish_counts_and_the_rest_stays(
    runtime: Runtime, person: Person, confirm_token: ConfirmToken
) -> None:
    person.sign_up("ayse@example.com", topics=["ulasim", "spor"])
    person.client.post(f"/confirm/{confirm_token()}")
    before = live(runtime)
    person.sign_up("ayse@example.com", topics="spor", frequency="daily")
    token = confirm_token()
    asked = person.client.get(f"/confirm/{token}").text
    assert "Abonelikleriniz zaten var" in asked
    for _ in range(2):
        assert person.client.post(f"/confirm/{token}").status_code == 200
    after = live(runtime)
    assert [row.frequency for row in after] == [Frequency.INSTANT, Frequency.DAILY]
    kept, changed = after
    assert kept.id in {row.id for row in before}
    with runtime.db.read() as session:
        ended = session.scalars(select(Subscription).where(Subscription.ended_at.is_not(None)))
        assert [(row.end_reason, row.topic_id) for row in ended] == [("changed", changed.topic_id)]


def test_the_link_of_an_older_mail_ends_what_was_changed_since(
    runtime: Runtime, person: Person, confirm_token: ConfirmToken
) -> None:
    person.sign_up("ayse@example.com", topics="spor")
    person.client.post(f"/confirm/{confirm_token()}")
    first = live(runtime)[0]
    for frequency in ("daily", "weekly"):
        person.sign_up("ayse@example.com", topics="spor", frequency=frequency)
        person.client.post(f"/confirm/{confirm_token()}")
    link = f"/u/{runtime.vault.token('unsubscribe', 5, first.destination_id, first.id)}"
    assert "Abonelikten ayrıl" in person.client.get(link).text
    for _ in range(2):
        assert "Ayrıldınız" in person.client.post(link).text
        assert live(runtime) == []
    person.client.post(f"{link}/undo")
    assert [row.frequency for row in live(runtime)] == [Frequency.WEEKLY]


def test_confirming_again_in_the_same_way_changes_nothing(
    runtime: Runtime, person: Person, confirm_token: ConfirmToken
) -> None:
    for _ in range(2):
        person.sign_up("ayse@example.com", topics="spor", places="konak", city_news="")
        person.client.post(f"/confirm/{confirm_token()}")
    with runtime.db.read() as session:
        assert len(session.scalars(select(Subscription)).all()) == 1


@pytest.mark.parametrize(
    ("prefix", "new", "known"),
    [
        ("", "Aboneliğinizi onaylayın", "Yeni seçimlerinizi onaylayın"),
        ("/en", "Confirm your subscription", "Confirm your new choices"),
    ],
)
def test_the_letter_says_whether_there_are_subscriptions_already(
    runtime: Runtime,
    person: Person,
    confirm_token: ConfirmToken,
    work: Callable[..., None],
    town: Any,
    prefix: str,
    new: str,
    known: str,
) -> None:
    person.prefix = prefix
    for _ in range(2):
        person.sign_up("ayse@example.com")
        person.client.post(f"{prefix}/confirm/{confirm_token()}")
    work()
    subjects = [mail.subject for mail in town.all(MailboxMessage)]
    assert subjects.count(new) == 1
    assert subjects.count(known) == 1


def test_whoever_left_everything_is_a_new_reader(
    runtime: Runtime, person: Person, confirm_token: ConfirmToken
) -> None:
    person.sign_up("ayse@example.com")
    person.client.post(f"/confirm/{confirm_token()}")
    row = live(runtime)[0]
    link = runtime.vault.token("unsubscribe", 5, row.destination_id, row.id)
    person.client.post(f"/u/{link}")
    person.sign_up("ayse@example.com")
    assert "zaten var" not in person.client.get(f"/confirm/{confirm_token()}").text
    with runtime.db.read() as session:
        assert len(session.scalars(select(Destination)).all()) == 1
