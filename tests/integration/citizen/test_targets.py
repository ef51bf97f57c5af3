"""The pages of a person's chats: adding by a typed name, proving by the code, stopping at once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from service.models import (
    ChatClaim,
    ChatTarget,
    Consent,
    Destination,
    NoticeKind,
    Notification,
    Subscriber,
)
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions import notices
from service.subscriptions.target_claims import code_of
from tests.integration.chat_peers import Peer, sign_in_as, with_chats
from tests.integration.town import Town
from workers.chat import send_chat_batch
from workers.chat.telegram import poll_telegram

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer().running() as peer:
        yield peer


@pytest.fixture
def settings(settings: Settings, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return with_chats(settings, peer, monkeypatch)


@pytest.fixture
def reader(town: Town, client: FlaskClient, runtime: Runtime) -> int:
    """Somebody who is signed in."""
    reader = person(town, runtime, "ayse@example.com")
    sign_in_as(client, runtime, reader)
    return reader


def person(town: Town, runtime: Runtime, address: str) -> int:
    reader = town.reader(address=address)
    with runtime.db.write() as session:
        subscriber = Subscriber(language="tr")
        session.add(subscriber)
        session.flush()
        session.get_one(Destination, reader).subscriber_id = subscriber.id
    return reader


def post(client: FlaskClient, path: str, *, page: str = "", **fields: str) -> TestResponse:
    token = CSRF.search(client.get(page or path).text)
    assert token
    return client.post(path, data={"csrf_token": token[1], **fields})


def add(client: FlaskClient, topic: str = "ayse-4711", prefix: str = "") -> TestResponse:
    return post(client, f"{prefix}/my/targets/add/ntfy", room=topic, consent="yes")


def newest_claim(runtime: Runtime) -> ChatClaim:
    with runtime.db.read() as session:
        found = session.scalars(select(ChatClaim).order_by(ChatClaim.id.desc())).first()
    assert found is not None
    return found


def prove(client: FlaskClient, runtime: Runtime) -> TestResponse:
    claim = newest_claim(runtime)
    code = code_of(runtime.vault, claim)
    return post(client, f"/my/targets/prove/{claim.id}", code=code)


def test_the_whole_way_of_a_chat(client, reader, runtime, town, peer) -> None:
    asked = add(client)
    assert asked.status_code == 303
    for batch in town.batches():
        send_chat_batch(runtime, batch)
    code = re.search(r"\d{6}", peer.asked[-1].body["title"])
    assert code
    proving = asked.headers["Location"]

    proved = post(client, proving, code=code[0])
    assert client.get(proved.headers["Location"]).headers["Location"].endswith("?done=added")
    page = client.get("/my/targets?done=added")
    assert "ays…" in page.text
    assert "ayse-4711" not in page.text
    assert "no-store" in page.headers["Cache-Control"]

    (target,) = town.all(ChatTarget)
    stopped = post(client, f"/my/targets/{target.destination_id}/stop", page="/my/targets")
    assert stopped.status_code == 303
    assert "ays…" not in client.get("/my/targets").text
    assert town.get(ChatTarget, target.destination_id).sealed_address == ""


def test_a_wrong_code_says_so_and_five_end_it(client, reader, runtime) -> None:
    add(client)
    claim = newest_claim(runtime)
    path = f"/en/my/targets/prove/{claim.id}"
    wrong = f"{(int(code_of(runtime.vault, claim)) + 1) % 10**6:06}"

    assert "Write the code of six digits" in post(client, path, code=" ").text
    assert "This is not the code" in post(client, path, code="ĞĞ\x00’").text
    for _ in range(3):
        assert "This is not the code" in post(client, path, code=wrong).text
    assert post(client, path, code=wrong).status_code == 303
    over = client.get(path)
    assert over.status_code == 410
    assert "This code is over" in over.text


def test_a_chat_of_somebody_else_shows_the_same_pages(app, client, reader, runtime, town) -> None:
    add(client)
    prove(client, runtime)
    other_client = app.test_client()
    sign_in_as(other_client, runtime, person(town, runtime, "can@example.com"))

    seen = []
    for topic in ("ayse-4711", "ayse-4712"):
        answer = add(other_client, topic)
        page = other_client.get(answer.headers["Location"])
        wrong = post(other_client, answer.headers["Location"], code="000")
        seen.append((answer.status_code, _bare(page.text), wrong.status_code, _bare(wrong.text)))

    assert seen[0] == seen[1]


def _bare(text: str) -> str:
    """Without what differs from page to page for anybody."""
    return re.sub(r'value="[^"]+"|/prove/\d+', "", text)


def test_ones_own_chat_is_not_added_twice(client, reader, runtime) -> None:
    add(client)
    prove(client, runtime)

    assert "Bu sohbet zaten listenizde" in add(client).text


def test_five_chats_are_the_most(client, reader, runtime) -> None:
    for number in range(5):
        add(client, f"ayse-{number}")
        prove(client, runtime)

    assert "Beş sohbetiniz var" in add(client, "ayse-6").text


@pytest.mark.parametrize("room", ["", "a b", "https://evil.example/x", "ç", "x" * 5_000])
def test_what_is_no_topic_is_refused_and_nothing_is_stored(client, reader, town, room) -> None:
    answer = add(client, room)

    assert answer.status_code == 200
    assert 'href="#room"' in answer.text
    assert town.count(ChatClaim) == town.count(ChatTarget) == 0


def test_without_consent_nothing_goes_abroad(client, reader, town) -> None:
    answer = post(client, "/en/my/targets/add/telegram")

    assert "This channel sends through Telegram abroad; I consent to this separately." in (
        answer.text
    )
    assert "Tick the box" in answer.text
    assert town.count(ChatClaim) == 0


def test_the_consent_is_in_the_ledger_by_its_text_until_the_chat_stops(
    client, reader, runtime, town, peer
) -> None:
    add(client)
    prove(client, runtime)
    (target,) = town.all(ChatTarget)
    post(client, f"/my/targets/{target.destination_id}/stop", page="/my/targets")

    acts = [row for row in town.all(Consent) if row.channel == "abroad:ntfy"]

    assert [row.act for row in acts] == ["confirmed", "withdrawn"]
    assert [row.choices for row in acts] == [[{"provider": peer.host}]] * 2
    with runtime.db.read() as session:
        text = notices.current(session, NoticeKind.ABROAD, "tr")
    assert {row.text_hash for row in acts} == {text.text_hash}
    asked = next(row for row in town.all(Consent) if row.channel == "ntfy")
    assert (asked.act, asked.choices[0]["topic"]) == ("confirmed", town.topic())


def test_a_server_in_the_country_needs_no_consent(client, reader, runtime, town, peer) -> None:
    home = peer.host.partition(":")[0]
    object.__setattr__(runtime.settings, "chat_hosts_at_home", (home,))
    assert 'name="consent"' not in client.get("/my/targets/add/ntfy").text

    post(client, "/my/targets/add/ntfy", room="ayse-4711")
    prove(client, runtime)

    assert [row.channel for row in town.all(Consent)] == ["ntfy"]


def test_telegram_by_its_link(client, reader, runtime, peer) -> None:
    answer = post(client, "/en/my/targets/add/telegram", consent="yes")
    page = client.get(answer.headers["Location"])
    token = re.search(r"https://t\.me/TellalTestBot\?start=([a-z0-9]+)", html.unescape(page.text))
    assert token
    assert "not told us" in client.get(answer.headers["Location"] + "?again=1").text
    message = {"chat": {"id": 77, "type": "private"}, "text": f"/start {token[1]}"}
    peer.answer = lambda asked: (200, {"result": [{"update_id": 1, "message": message}]})

    poll_telegram(runtime)

    assert client.get(answer.headers["Location"]).status_code == 303
    assert "Telegram" in client.get("/en/my/targets").text


def test_another_person_sees_and_stops_nothing(app, client, reader, runtime, town) -> None:
    add(client)
    claim = newest_claim(runtime)
    prove(client, runtime)
    other = app.test_client()
    sign_in_as(other, runtime, person(town, runtime, "can@example.com"))

    assert other.get(f"/my/targets/prove/{claim.id}").status_code == 410
    assert "ays…" not in other.get("/my/targets").text
    post(
        other,
        f"/my/targets/{claim.destination_id}/stop",
        page="/my/targets/add/ntfy",
    )
    assert town.get(ChatTarget, claim.destination_id).ended_at is None


def test_a_get_changes_nothing(client, reader, runtime, town) -> None:
    add(client)
    claim = newest_claim(runtime)
    before = (town.count(ChatClaim), town.count(Notification), town.count(Destination))
    for path in ("", "/add/ntfy", "/add/matrix", "/add/telegram", f"/prove/{claim.id}"):
        assert client.get("/my/targets" + path).status_code == 200
    assert client.get(f"/my/targets/{claim.destination_id}/stop").status_code == 405
    assert (town.count(ChatClaim), town.count(Notification), town.count(Destination)) == before


def test_a_form_without_its_token_is_refused(client, reader, town) -> None:
    answer = client.post("/my/targets/add/ntfy", data={"room": "ayse-4711", "consent": "yes"})

    assert answer.status_code == 400
    assert town.count(ChatClaim) == 0


@pytest.mark.parametrize("way", ["signal", "ntfy?server=evil.example", "json"])
def test_what_is_not_offered_is_not_found(client, reader, way) -> None:
    assert client.get(f"/my/targets/add/{way}").status_code == 404


def test_a_chat_gets_three_codes_an_hour_whoever_names_it(app, client, reader, runtime, town):
    codes = [add(client).status_code for _ in range(3)]
    other = app.test_client()
    sign_in_as(other, runtime, person(town, runtime, "can@example.com"))

    assert [*codes, add(other).status_code] == [303, 303, 303, 429]
    assert add(other, "can-4711").status_code == 303


def test_a_person_names_six_chats_an_hour(client, reader) -> None:
    codes = [add(client, f"ayse-{number}").status_code for number in range(7)]

    assert codes == [303] * 6 + [429]


def test_whoever_asked_for_nothing_is_led_to_the_topics(client, reader, town) -> None:
    town.unsubscribe(reader)

    page = client.get("/en/my/targets/add/ntfy").text

    assert "you have asked for nothing yet" in page
    assert "<form" not in page


def test_a_chat_that_ended_by_itself_is_told_on_the_page(
    client, reader, runtime, town, peer
) -> None:
    add(client)
    prove(client, runtime)
    peer.answer = lambda asked: (404, {})
    for batch in town.batches(town.planned()):
        send_chat_batch(runtime, batch)

    page = client.get("/en/my/targets").text

    assert "did not take our messages" in page
    assert "ays…" not in page


def test_a_form_sent_without_any_choice_adds_nothing(client, reader, town) -> None:
    form = client.get("/en/my/targets/add/ntfy")
    town.unsubscribe(reader)
    token = CSRF.search(form.text)
    assert token
    fields = {"csrf_token": token[1], "room": "ayse-4711", "consent": "yes"}

    answer = client.post("/en/my/targets/add/ntfy", data=fields)

    assert "Get news by email first" in answer.text
    assert town.count(ChatClaim) == 0
