"""Links in mails: looking changes nothing, a POST acts at once, whoever sends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from service.models import OneTimeToken, Subscription
from service.runtime import Runtime

Person = Any
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def live(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        statement = select(func.count()).where(Subscription.ended_at.is_(None))
        return session.scalar(statement) or 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("prefix", ["", "/en"])
def test_scanners_change_nothing(
    runtime: Runtime,
    person: Person,
    unsubscribe_token: str,
    confirm_token: Callable[[], str],
    method: str,
    prefix: str,
) -> None:
    """Criterion 15."""
    person.sign_up("new@example.com")
    for path in (
        f"/u/{unsubscribe_token}",
        f"/confirm/{confirm_token()}",
        f"/u/{unsubscribe_token}/all",
        f"/u/{unsubscribe_token}/undo",
    ):
        person.client.open(prefix + path, method=method)
    assert live(runtime) == 2
    with runtime.db.read() as session:
        unused = session.scalar(select(func.count()).where(OneTimeToken.used_at.is_(None)))
    assert unused == 1


@pytest.mark.parametrize(
    "form",
    [
        {"data": ONE_CLICK},
        {"data": ONE_CLICK, "content_type": "multipart/form-data"},
        {"data": b""},
        {"data": b"\xff\x00 not a form", "content_type": "application/x-www-form-urlencoded"},
        {"data": b"{}", "content_type": "application/json"},
    ],
)
def test_one_click_works_for_every_mail_program_twice(
    runtime: Runtime, app: APIFlask, unsubscribe_token: str, form: dict[str, Any]
) -> None:
    """Criterion 14: both encodings, and what else comes (RFC 8058, section 3)."""
    for _ in range(2):
        answer = app.test_client(use_cookies=False).post(f"/u/{unsubscribe_token}", **form)
        assert answer.status_code == 200
        assert "Set-Cookie" not in answer.headers
        assert live(runtime) == 1


def test_a_browser_sees_what_has_ended_and_may_undo_it(
    runtime: Runtime, client: FlaskClient, unsubscribe_token: str
) -> None:
    asked = client.get(f"/u/{unsubscribe_token}")
    assert "Abonelikten ayrıl" in asked.text
    done = client.post(f"/u/{unsubscribe_token}")
    assert "Ayrıldınız" in done.text
    assert "Geri alın" in done.text
    undone = client.post(f"/u/{unsubscribe_token}/undo")
    assert "yeniden başladı" in undone.text
    assert live(runtime) == 2


def test_everything_can_end_and_come_back(
    runtime: Runtime, client: FlaskClient, unsubscribe_token: str
) -> None:
    client.post(f"/u/{unsubscribe_token}/all")
    assert live(runtime) == 0
    client.post(f"/u/{unsubscribe_token}/undo", data={"what": "everything"})
    assert live(runtime) == 2


def test_an_authentic_token_without_rows_is_still_success(
    runtime: Runtime, client: FlaskClient
) -> None:
    token = runtime.vault.token("unsubscribe", 900, 901, 902)
    answer = client.post(f"/u/{token}")
    assert answer.status_code == 200
    assert "Ayrıldınız" in answer.text
    assert client.get(f"/u/{token}").status_code == 200


@pytest.mark.parametrize("path", ["/u/forged", "/confirm/forged", "/u/forged/undo"])
def test_a_forged_token_gets_a_friendly_404(client: FlaskClient, path: str) -> None:
    answer = client.post(path)
    assert answer.status_code == 404
    assert "Sayfa bulunamadı" in answer.text


@pytest.mark.parametrize("ending", ["/", "/x", "/undo/x", "'"])
def test_a_link_that_was_copied_badly_tells_nobody_its_token(
    client: FlaskClient, unsubscribe_token: str, ending: str
) -> None:
    answer = client.get(f"/u/{unsubscribe_token}{ending}")
    assert answer.status_code == 404
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["X-Robots-Tag"] == "noindex"


def test_links_are_private_and_set_no_cookie(
    client: FlaskClient, unsubscribe_token: str, confirm_token: Callable[[], str]
) -> None:
    for path in (f"/u/{unsubscribe_token}", f"/confirm/{confirm_token()}"):
        for answer in (client.get(path), client.post(path)):
            assert answer.headers["Cache-Control"] == "private, no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            assert answer.headers["X-Robots-Tag"] == "noindex"
            assert "Set-Cookie" not in answer.headers


def test_a_double_click_is_one_subscription_and_a_friendly_page(
    runtime: Runtime, person: Person, confirm_token: Callable[[], str]
) -> None:
    person.sign_up("ayse@example.com")
    pages = [person.client.post(f"/confirm/{confirm_token()}") for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert live(runtime) == 1
