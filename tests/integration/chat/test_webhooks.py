"""Webhooks to a real receiver on loopback: signed, numbered, tried again, repeated when asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sqlalchemy import select, update
from standardwebhooks import Webhook, WebhookVerificationError

from service.db import utcnow
from service.messages.webhook_event import schemas
from service.models import (
    Article,
    ArticleState,
    Channel,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    Notification,
    NotificationKind,
    WebhookKey,
)
from service.runtime import Runtime
from service.subscriptions import channel_removal, channel_swap, channels, webhook_keys
from service.subscriptions.channel_error import ChannelError
from service.subscriptions.channel_tests import queue_test
from service.subscriptions.webhook_replay import Replayed, replay
from tests.integration.town import TITLE, Town
from workers.chat import send_chat_batch
from workers.recover import sweep_once

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
UNKNOWN, CANCELLED = DeliveryState.UNKNOWN, DeliveryState.CANCELLED
ROOT = Path(__file__).parents[3]


class Receiver(ThreadingHTTPServer):
    """Keeps each request as it came, and answers as `answer` says."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.answer: Callable[[_Handler], None] = lambda handler: handler.say(204)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?from=city"

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.got]

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((headers, body))
        self.server.paths.append(self.path)
        self.server.answer(self)

    def say(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


class Hook:
    """A webhook channel of the city, and what staff do with it."""

    def __init__(self, runtime: Runtime, town: Town, url: str) -> None:
        self.runtime, self.town = runtime, town
        with runtime.db.write() as session:
            channel = channels.add_channel(
                *(session, runtime.vault, runtime.settings), name="Kanca", url=url, topic_slugs=[]
            )
        self.id = channel.id
        with runtime.db.read() as session:
            found = channels.destination_of(session, self.id)
            assert found is not None
            self.destination = found.id
        self.secret = self.make()

    def make(self) -> str:
        with self.runtime.db.write() as session:
            channel = session.get_one(Channel, self.id)
            return webhook_keys.make(session, self.runtime.vault, None, channel, utcnow())

    def replay(self, **asked: Any) -> Replayed:
        with self.runtime.db.write() as session:
            channel = session.get_one(Channel, self.id)
            return replay(session, self.runtime.vault, None, channel, **asked)

    def test(self) -> int:
        with self.runtime.db.write() as session:
            channel = session.get_one(Channel, self.id)
            return queue_test(session, self.runtime.vault, None, channel, "").notification_id

    def send(self, notification: int) -> DeliveryState:
        for batch in self.town.batches(notification):
            send_chat_batch(self.runtime, batch)
        assert self.town.findings() == []
        return self.town.states(notification)[self.destination]

    def send_all(self, replayed: Replayed) -> list[DeliveryState]:
        return [self.send(batch.notification_id) for batch in replayed.batches]

    def tell(self) -> int:
        notification = self.town.planned()
        self.send(notification)
        return notification

    def again(self, notification: int) -> DeliveryState:
        """When its time has come."""
        with self.runtime.db.write() as session:
            session.execute(
                update(Delivery)
                .where(Delivery.notification_id == notification)
                .values(due_at=utcnow() - timedelta(seconds=1))
            )
        sweep_once(self.runtime)
        return self.send(notification)


@pytest.fixture
def hook(runtime: Runtime, town: Town, receiver: Receiver) -> Hook:
    return Hook(runtime, town, receiver.url)


def test_an_article_is_posted_once_signed_and_as_documented(hook, town, receiver):
    notification = hook.tell()

    ((headers, body),) = receiver.got
    assert receiver.paths == ["/hook?from=city"]
    event = Webhook(hook.secret).verify(body, headers)
    jsonschema.validate(event, schemas()["ArticleEvent"])
    assert (event["type"], event["version"]) == ("article.published", 1)
    data = event["data"]
    assert (data["title"], data["language"], data["html"]) == (TITLE, "tr", "<p>Gövde</p>")
    assert data["page"] == f"http://localhost:8080/haber/{data['id']}"
    assert data["topics"][0]["slug"] == "iklim-cevre"
    assert headers["webhook-id"] == f"{notification}-{hook.destination}"
    assert headers["content-type"] == "application/json"
    with pytest.raises(WebhookVerificationError):
        Webhook(hook.secret).verify(body.replace(b"published", b"withdrawn"), headers)
    (answer,) = town.all(DeliveryAnswer)
    assert (answer.state, answer.code) == (SENT, "204")
    assert 0 <= answer.took_ms < 10_000


def test_the_schema_in_the_documents_is_what_is_sent():
    stored = (ROOT / "docs" / "integrate" / "webhook.schema.json").read_text("utf-8")
    assert json.loads(stored) == schemas()


def test_a_withdrawal_names_the_article_and_tells_nothing_of_it(hook, town, receiver, runtime):
    first = hook.tell()
    article_id = town.get(Notification, first).article_id
    with runtime.db.write() as session:
        session.execute(
            update(Notification)
            .where(Notification.id == first)
            .values(kind=NotificationKind.WITHDRAWAL, payload={"note": "Yanlış tarih"})
        )
        session.execute(
            update(Article).where(Article.id == article_id).values(state=ArticleState.WITHDRAWN)
        )

    assert hook.send_all(hook.replay(article_id=article_id)) == [SENT]

    event = receiver.events()[-1]
    jsonschema.validate(event, schemas()["ArticleEvent"])
    assert (event["type"], event["data"]["id"]) == ("article.withdrawn", article_id)
    assert event["data"]["note"] == "Yanlış tarih"
    told = [event["data"][name] for name in ("html", "summary", "topics", "places")]
    assert told == [None, "", [], []]


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize("status", [429, 503])
def test_what_passes_is_tried_again_when_it_is_asked_for_under_the_same_number(
    hook, town, receiver, status
):
    receiver.answer = lambda handler: handler.say(status, Retry_After="7")
    notification = hook.tell()
    (row,) = town.all(Delivery)
    assert row.state == DEFERRED
    assert timedelta(seconds=5) < row.due_at - utcnow() <= timedelta(seconds=7)

    receiver.answer = lambda handler: handler.say(200, b"x" * 3000)
    assert hook.again(notification) == SENT

    assert len(set(receiver.ids)) == 1
    assert len(receiver.ids) == 2
    assert receiver.got[0][1] == receiver.got[1][1], "the same event, its time included"
    assert [one.code for one in town.all(DeliveryAnswer)] == [str(status), "200"]


def test_an_answer_that_never_came_is_asked_for_again_under_the_same_number(hook, town, receiver):
    receiver.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    notification = hook.tell()
    (row,) = town.all(Delivery)
    assert (row.state, row.maybe_revision_id is not None) == (DEFERRED, True)

    assert hook.again(notification) == DEFERRED
    receiver.answer = lambda handler: handler.say(200)
    assert hook.again(notification) == SENT

    assert len(receiver.ids) == 3
    assert len(set(receiver.ids)) == 1


@pytest.mark.parametrize(("status", "pauses"), [(410, True), (404, True), (400, False)])
def test_a_refusal_is_final_and_who_is_gone_is_paused(hook, town, receiver, status, pauses):
    receiver.answer = lambda handler: handler.say(status)

    notification = hook.tell()

    assert town.states(notification) == {hook.destination: REJECTED}
    (channel,) = town.all(Channel)
    assert channel.is_paused == pauses


def test_a_redirect_is_refused(hook, town, receiver):
    receiver.answer = lambda handler: handler.say(307, Location=receiver.url)

    notification = hook.tell()

    assert town.states(notification) == {hook.destination: REJECTED}
    assert len(receiver.got) == 1


def test_without_a_secret_nothing_leaves(hook, town, receiver, runtime):
    with runtime.db.write() as session:
        session.delete(session.get_one(WebhookKey, hook.id))

    notification = hook.tell()

    assert receiver.got == []
    assert town.states(notification) == {hook.destination: DEFERRED}
    hook.secret = hook.make()
    assert hook.again(notification) == SENT


def test_both_secrets_sign_until_the_first_is_void(hook, receiver, clock):
    first, second = hook.secret, hook.make()
    hook.tell()
    clock.advance(days=7, seconds=1)
    hook.send(hook.test())

    (headers, body), (late, late_body) = receiver.got
    for secret in (first, second):
        Webhook(secret).verify(body, headers)
    assert len(headers["webhook-signature"].split()) == 2
    assert len(late["webhook-signature"].split()) == 1
    assert json.loads(late_body)["type"] == "channel.test"


def test_no_secret_is_kept_in_clear(hook, town):
    (key,) = town.all(WebhookKey)
    assert hook.secret.startswith("whsec_")
    assert hook.secret not in (key.sealed, key.sealed_before)


def test_a_test_shows_the_answer(hook, town, receiver):
    assert hook.send(hook.test()) == SENT

    jsonschema.validate(receiver.events()[0], schemas()["TestEvent"])
    assert [one.detail for one in town.all(DeliveryAnswer)] == ["the service answered 204"]


def test_a_replay_tells_this_channel_alone_under_the_same_number(hook, town, receiver):
    reader = town.reader()
    receiver.answer = lambda handler: handler.say(500)
    first = hook.tell()
    receiver.answer = lambda handler: handler.say(204)
    hook.again(first)
    second = hook.tell()
    mails = len([one for one in town.all(Delivery) if one.destination_id == reader])
    began = utcnow() - timedelta(hours=1)

    replayed = hook.replay(since=began)
    assert hook.replay(since=began).batches == [], "they wait already"
    assert hook.send_all(replayed) == [SENT, SENT]

    numbers = [f"{one}-{hook.destination}" for one in (first, second)]
    assert receiver.ids == [numbers[0], *numbers, *numbers]
    assert town.states(first)[hook.destination] == SENT
    assert mails == len([one for one in town.all(Delivery) if one.destination_id == reader])


def test_a_replay_tells_nothing_of_what_was_withdrawn(hook, town, receiver, runtime):
    notification = hook.tell()
    article_id = town.get(Notification, notification).article_id
    replayed = hook.replay(article_id=article_id)
    with runtime.db.write() as session:
        session.get_one(Article, article_id).state = ArticleState.WITHDRAWN

    assert hook.send_all(replayed) == [CANCELLED]
    assert hook.replay(article_id=article_id).batches == []
    assert len(receiver.got) == 1


def test_a_replay_goes_on_page_by_page(hook, receiver, monkeypatch):
    monkeypatch.setattr("service.subscriptions.webhook_replay.MOST", 2)
    told = [hook.tell() for _ in range(3)]
    began = utcnow() - timedelta(hours=1)

    first = hook.replay(since=began)
    assert first.further == told[1]
    rest = hook.replay(since=began, after=first.further)

    assert (len(first.batches), len(rest.batches), rest.further) == (2, 1, None)


def test_a_replay_that_cannot_be_is_refused_in_a_sentence(hook, town, runtime):
    with pytest.raises(ChannelError, match="one of the two"):
        hook.replay()
    with runtime.db.write() as session:
        session.get_one(Channel, hook.id).is_paused = True
    with pytest.raises(ChannelError, match="resume it"):
        hook.replay(since=utcnow())
    room = town.channel("json://127.0.0.1:9/x")
    with runtime.db.write() as session:
        channel = session.get_one(Channel, session.get_one(Destination, room).channel_id)
        with pytest.raises(ChannelError, match="another kind"):
            replay(session, runtime.vault, None, channel, since=utcnow())


def test_a_channel_that_became_a_chat_gets_no_copy_of_what_may_have_arrived(
    hook, town, receiver, runtime
):
    notification = town.planned()
    (batch,) = town.batches(notification)
    with runtime.db.write() as session:
        channel = session.get_one(Channel, hook.id)
        channel.scheme = "json"
        channel.sealed_url = runtime.vault.encrypt(receiver.url.replace("http", "json"))
        session.get_one(Destination, hook.destination).lane = "json"

    send_chat_batch(runtime, batch)
    assert receiver.got == []
    receiver.answer = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)

    assert hook.again(notification) == UNKNOWN
    assert len(receiver.got) == 1
    with runtime.db.read() as session:
        assert session.scalars(select(Delivery.state)).all() == [UNKNOWN]


def test_a_webhook_may_become_a_chat_by_a_test_that_comes_in_there(hook, town, receiver, runtime):
    held = (runtime.vault, runtime.settings, None)
    with runtime.db.write() as session:
        channel, url = session.get_one(Channel, hook.id), receiver.url.replace("http", "json")
        test = channel_swap.offer(session, *held, channel, url, "").notification_id

    assert hook.send(test) == SENT
    with runtime.db.write() as session:
        channel_swap.swap(session, *held, session.get_one(Channel, hook.id), utcnow())
    assert len(receiver.got) == 1
    assert "webhook-id" not in receiver.got[0][0]


def test_a_chat_becomes_no_webhook_for_want_of_a_secret(town, receiver, runtime):
    room = town.channel("json://127.0.0.1:9/x")
    with runtime.db.write() as session:
        channel = session.get_one(Channel, session.get_one(Destination, room).channel_id)
        held = (runtime.vault, runtime.settings, None)
        with pytest.raises(ChannelError, match="channel of its own"):
            channel_swap.offer(session, *held, channel, receiver.url, "")


def test_a_removed_webhook_leaves_no_secret(hook, runtime):
    with runtime.db.write() as session:
        channel = session.get_one(Channel, hook.id)
        channel_removal.remove(
            *(session, runtime.vault, None, channel, utcnow()), confirmed="Kanca", reason="eski"
        )
    with runtime.db.read() as session:
        assert session.scalars(select(WebhookKey)).all() == []
