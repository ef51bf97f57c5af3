"""Erasing somebody who used all there is: digests, quiet hours, a chat, another address."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from service.bounces import Complained, Returned
from service.ledger.bounces import record_report
from service.models import (
    BounceVerdict,
    ChatClaim,
    ChatTarget,
    Destination,
    MailboxMessage,
    Notification,
    OneTimeToken,
    Subscriber,
)
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.erasures import erase_for_good
from service.subscriptions.target_claims import code_of
from tests.integration.chat_peers import Peer, with_chats
from tests.integration.citizen.entering import press
from tests.integration.citizen.traces import where

OLD, NEW, ROOM = "ayse.yilmaz@mail-of-her-own.example", "elif@another-mail.example", "ayse-4711"
NEEDLES = ("ayse.yilmaz", "mail-of-her-own", "elif@", "another-mail", ROOM)
PROOFS = {"consent", "suppression", "erasure"}


@pytest.fixture
def peer() -> Iterator[Peer]:
    with Peer().running() as peer:
        yield peer


@pytest.fixture
def settings(settings: Settings, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> Settings:
    return with_chats(settings, peer, monkeypatch)


@pytest.fixture
def everywhere(
    runtime: Runtime,
    person: Any,
    cms: Any,
    town: Any,
    work: Any,
    clock: Any,
    confirm_token: Callable[[], str],
    said: Any,  # last: from here on, what the application has set up is heard
) -> int:
    """Reads a digest, a summary and a chat, doubts a topic, and asks to move; the number of the
    address. All came through the doors that people have."""
    client = person.client
    tomorrow_at_nine = (clock() + timedelta(days=1)).replace(hour=6, minute=0)  # in UTC
    clock.advance(seconds=(tomorrow_at_nine - clock()).total_seconds())
    person.sign_up(OLD, frequency="daily")
    work()
    client.post(f"/confirm/{confirm_token()}")
    cms.post()
    clock.advance(minutes=10)
    work()
    clock.advance(days=1)
    work()  # the digest of Wednesday

    person.sign_up(OLD, frequency="instant")
    client.post(f"/confirm/{confirm_token()}")
    press(client, client.get("/sign-in"), "/sign-in", email=OLD)
    work()
    link = runtime.vault.token("sign-in", newest(runtime, "sign_in")["token_id"])
    assert press(client, client.get(f"/sign-in/{link}"), f"/sign-in/{link}").status_code == 303

    add = client.get("/my/targets/add/ntfy")
    press(client, add, "/my/targets/add/ntfy", room=ROOM, consent="yes")
    work()
    claim = town.all(ChatClaim)[-1]
    proving = f"/my/targets/prove/{claim.id}"
    press(client, client.get(proving), proving, code=code_of(runtime.vault, claim))

    hours = {"from": "08:00", "until": "11:00"}
    press(client, client.get("/my/quiet-hours"), "/my/quiet-hours", **hours)
    cms.post(id="2", title="Karbon salımı için yeni plan", body_html="<p>Salım azalacak.</p>")
    cms.post(id="3", title="İklim şenliği pazar günü", body_html="<p>Çocuklar için iklim.</p>")
    clock.advance(minutes=10)
    work()
    clock.advance(hours=2)
    work()  # the summary after quiet hours
    doubt = re.search(r'href="(/haber/[^"]+/wrong-topic)"', client.get("/my/history").text)
    assert doubt
    said_wrong = press(client, client.get(doubt[1]), doubt[1], missing="ulasim")
    assert said_wrong.status_code == 303

    press(client, client.get("/my/address"), "/my/address", email=NEW)
    work()
    reader = town.all(Destination)[0].id
    with runtime.db.write() as session:
        record_report(
            session, Returned(1, reader, BounceVerdict.HARD, "5.1.1", f"550 {OLD}"), clock()
        )
        record_report(session, Complained(1, reader), clock())
    return int(reader)


def newest(runtime: Runtime, template: str) -> dict[str, Any]:
    with runtime.db.read() as session:
        rows = session.scalars(select(Notification.payload).order_by(Notification.id.desc()))
        return next(payload for payload in rows if payload.get("template") == template)


def test_nothing_of_them_is_left_in_any_table_or_line(everywhere, runtime, town, person, said):
    hashes = [one.address_hash for one in town.all(Destination)]
    assert len(hashes) == 3  # the mail, the chat, and the address that was asked for
    kinds = {one.kind for one in town.all(Notification)}
    assert {"digest", "summary", "service", "new"} <= kinds
    letters = {one.payload.get("template") for one in town.all(Notification)}
    assert {"confirm", "welcome", "sign_in", "chat_code", "chat_welcome", "move"} <= letters
    assert {"destination", "mailbox_message"} <= where(runtime, *NEEDLES)
    assert town.count(OneTimeToken) >= 4

    client = person.client
    done = press(client, client.get("/my/erase"), "/my/erase")

    assert (done.status_code, done.location) == (303, "/my/erased")
    assert where(runtime, *NEEDLES) == set()
    assert where(runtime, *hashes) <= PROOFS
    assert town.count(Subscriber) == town.count(OneTimeToken) == town.count(ChatClaim) == 0
    assert {one.sealed_address for one in town.all(ChatTarget)} == {""}
    assert town.all(MailboxMessage) == []
    lines = said().lower()
    assert "/my/erase" in lines
    assert [
        line for line in lines.splitlines() if any(one in line for one in (*NEEDLES, *hashes))
    ] == []
    assert not re.search(r"/(confirm|sign-in|u|address)/[a-z0-9_-]{20,}", lines)
    assert town.findings() == []


def test_nothing_leaves_for_the_chat_afterwards(everywhere, runtime, peer, cms, clock, work):
    erase_for_good(runtime.db, runtime.settings, everywhere, clock())
    before = len(peer.asked)

    cms.post(id="9", title="İklim için dokuzuncu adım", body_html="<p>Yeni bir iklim adımı.</p>")
    clock.advance(days=1)
    work()

    assert len(peer.asked) == before


def test_an_address_of_somebody_else_is_left_alone(everywhere, runtime, town, person, clock):
    """A sign-up that waits at the address to which they wanted to move is not theirs."""
    person.sign_up(NEW)

    erase_for_good(runtime.db, runtime.settings, everywhere, clock())

    assert "destination" in where(runtime, NEW)
    assert where(runtime, OLD) == set()
