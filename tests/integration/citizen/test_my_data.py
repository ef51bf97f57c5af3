"""History with its reasons, and the exports: all of one person, and nothing of another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import insert, update

from service.bounces import Returned
from service.db import utcnow
from service.ledger.bounces import record_report
from service.messages.email import SERVICE_LETTERS
from service.messages.wording import words
from service.models import (
    BounceVerdict,
    Delivery,
    DeliveryState,
    Destination,
    Notification,
    NotificationKind,
    NotificationState,
    Subscriber,
)
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from service.subscriptions.exporting import Export
from tests.integration.citizen.entering import enter
from tests.integration.town import TITLE

ADDRESS = "ayse@example.com"
ITEM = '<li class="card-item sent">'


@pytest.fixture
def told(town: Any, runtime: Runtime) -> Callable[..., int]:
    """Plans an article and writes down how it came out; returns the notification."""

    def tell(state: DeliveryState = DeliveryState.SENT, **fields: Any) -> int:
        notification = town.planned(town.article(**fields))
        with runtime.db.write() as session:
            session.execute(
                update(Delivery)
                .where(Delivery.notification_id == notification)
                .values(state=state, settled_at=utcnow())
            )
        return notification

    return tell


def test_the_history_says_what_came_and_why(client, runtime, town, told):
    reader = town.reader(place="konak")
    told(places=("konak",))
    enter(client, runtime, reader)

    page = client.get("/my/history").text

    assert page.count(ITEM) == 1
    assert TITLE in page
    assert re.search(r'href="https://www.example.bel.tr/haber/\d+"', page)
    assert "Konuyu belirleyen sözcükler: <span>iklim, karbon</span>" in page
    assert "tarihinde şunu istediniz: İklim ve Çevre – Konak, haber yayımlandıkça." in page
    assert "/wrong-topic" in page
    assert "Gönderildi" in page
    english = client.get("/en/my/history").text
    assert 'you asked for: Climate &amp; Environment – <span lang="tr">Konak</span>' in english
    assert f'lang="tr">{TITLE}</a>' in english


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (DeliveryState.QUEUED, "On its way"),
        (DeliveryState.SENT, "Sent"),
        (DeliveryState.DEFERRED, "Waits and is tried again"),
        (DeliveryState.REJECTED, "Could not be delivered"),
        (DeliveryState.UNKNOWN, "May have arrived"),
        (DeliveryState.SUPPRESSED, "Not sent"),
        (DeliveryState.CANCELLED, "Not sent"),
    ],
)
def test_each_state_has_plain_words(client, runtime, town, told, state, word):
    reader = town.reader()
    told(state)
    enter(client, runtime, reader)

    page = client.get("/en/my/history").text

    assert word in page
    assert "On " in page
    assert "you asked for: " in page


def test_what_came_back_is_not_called_sent(client, runtime, town, told):
    reader = town.reader()
    notification = told()
    with runtime.db.write() as session:
        said = Returned(notification, reader, BounceVerdict.SOFT, "4.2.2", "full")
        record_report(session, said, utcnow())
    enter(client, runtime, reader)

    assert "Came back, could not be delivered" in client.get("/en/my/history").text


def test_letters_of_the_service_are_in_it_too_by_their_subjects(client, runtime, town):
    reader = town.reader()
    for name in SERVICE_LETTERS:
        town.message(reader, name)
    enter(client, runtime, reader)

    page = client.get("/my/history").text

    titles = [unescape(one) for one in re.findall('<h2 class="h3">(.+?)</h2>', page)]
    assert sorted(titles) == sorted(words("tr")[f"{name}_subject"] for name in SERVICE_LETTERS)
    assert page.count("Bu adresle istendi.") == 3
    assert "/wrong-topic" not in page


def test_it_ends_after_90_days(client, runtime, town, told, clock):
    reader = town.reader()
    notification = told()
    enter(client, runtime, reader)
    with runtime.db.write() as session:
        session.get_one(Notification, notification).created_at = utcnow() - timedelta(days=91)

    assert "Son 90 günde size hiçbir şey gönderilmedi." in client.get("/my/history").text


def test_pages_of_50_show_each_message_once_for_all_addresses_of_a_person(
    client, runtime, town, told
):
    with runtime.db.write() as session:
        session.add(person := Subscriber())
    first, second, stranger = (town.reader() for _ in range(3))
    with runtime.db.write() as session:
        session.execute(
            update(Destination)
            .where(Destination.id.in_((first, second)))
            .values(subscriber_id=person.id)
        )
    _fill(runtime, [first, second, stranger], 60)
    enter(client, runtime, second)

    path, seen = "/my/history", []
    while path:
        page = client.get(path).text
        seen += [page.count(ITEM)]
        found = re.search(r'href="(/my/history\?before=\d+)"', page)
        path = found[1] if found else ""

    assert sum(seen) == 120
    assert max(seen) <= 51
    assert client.get("/my/history?before=1").text.count(ITEM) == 0
    for nonsense in ("0", "-1", "x", str(2**70)):
        assert client.get(f"/my/history?before={nonsense}").text.count(ITEM) > 0


def test_personal_pages_are_private(client, runtime, town):
    enter(client, runtime, town.reader())
    for path in ("/my/history", "/my/data", "/my/data.json", "/my/data.html", "/my/erase"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Robots-Tag"] == "noindex"


def test_the_export_is_complete(client, runtime, town, told, person, confirm_token, clock):
    person.sign_up(ADDRESS, topics="iklim-cevre")
    person.client.post(f"/confirm/{confirm_token()}")
    reader = town.all(Destination)[0].id
    told()
    with runtime.db.write() as session:
        said = Returned(1, reader, BounceVerdict.HARD, "5.1.1", "no such user")
        record_report(session, said, utcnow())
        row = session.get_one(Destination, reader)
        row.quiet_from, row.quiet_until = 22 * 60, 7 * 60 + 30
    other = town.reader(address="other@example.com")
    told()
    town.unsubscribe(reader)
    enter(client, runtime, reader)

    answer = client.get("/my/data.json")
    data = answer.json

    assert answer.headers["Content-Disposition"] == 'attachment; filename="tellal-data.json"'
    assert (data["format"], data["version"]) == ("tellal-export", 1)
    (address,) = data["addresses"]
    assert (address["address"], address["language"]) == (ADDRESS, "tr")
    assert (address["quiet_from"], address["quiet_until"]) == ("22:00", "07:30")
    assert address["verified_at"]
    (subscription,) = data["subscriptions"]
    assert (subscription["topic"], subscription["ended_by"]) == ("iklim-cevre", "one-click")
    assert [one["act"] for one in data["consents"]] == ["asked", "confirmed"]
    assert all("açık rıza" in one["text"] for one in data["consents"])
    assert {one["text_version"] for one in data["consents"]} == {1}
    assert {one["notice_version"] for one in data["consents"]} == {1}
    assert [one["reason"] for one in data["suppressions"]] == ["hard bounce"]
    assert [one["said"] for one in data["returned_mail"]] == ["no such user"]
    kinds = [one["kind"] for one in data["deliveries"]]
    assert kinds == ["new", "new", "service", "service"]
    told_first = data["deliveries"][1]
    assert told_first["because"]["topic"] == "iklim-cevre"
    assert told_first["articles"][0]["words"] == ["iklim", "karbon"]
    assert "other@example.com" not in answer.text
    assert address_hash(runtime.vault, "email", ADDRESS) not in answer.text
    assert {one["address"] for one in data["deliveries"]} == {reader} != {other}

    page = client.get("/my/data.html")
    assert page.headers["Content-Disposition"] == 'attachment; filename="tellal-data.html"'
    for text in (ADDRESS, TITLE, "iklim, karbon", "22:00", "açık rıza", "hard bounce"):
        assert text in page.text
    assert page.text.rstrip().endswith("</html>")
    assert page.text.startswith("<!doctype html>")
    assert not re.search(r"\d{4}-\d\d-\d\d[T ]\d\d:", page.text)  # times as people say them
    assert "<script" not in page.text


def test_an_export_of_many_deliveries_is_made_in_pieces(runtime, town):
    reader = town.reader()
    _fill(runtime, [reader], 1_200)

    export = Export.of(runtime.db, reader, "İzmir", utcnow())
    pieces = list(export.as_json())

    assert len(json.loads(b"".join(pieces))["deliveries"]) == 1_200
    assert max(map(len, pieces)) < 2_000


def test_exports_are_limited_for_each_person(client, app, runtime, town):
    one, other = town.reader(), town.reader()
    enter(client, runtime, one)
    codes = [client.get("/my/data.json").status_code for _ in range(21)]
    assert codes == [200] * 20 + [429]
    enter(client, runtime, other)
    assert client.get("/my/data.json").status_code == 200


def _fill(runtime: Runtime, destinations: list[int], count: int) -> None:
    """Old messages to each of these, as the ledger keeps them."""
    with runtime.db.write() as session:
        rows = [
            Notification(
                kind=NotificationKind.SERVICE,
                state=NotificationState.DONE,
                payload={"template": "welcome"},
                release_at=utcnow(),
                planned=len(destinations),
                done_at=utcnow(),
            )
            for _ in range(count)
        ]
        session.add_all(rows)
        session.flush()
        session.execute(
            insert(Delivery),
            [
                {
                    "notification_id": row.id,
                    "destination_id": destination,
                    "state": DeliveryState.SENT,
                    "settled_at": utcnow(),
                }
                for row in rows
                for destination in destinations
            ],
        )
