"""How channels hear: urgent news alone, in lists, after quiet hours; and by another address."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.ingest.article import CanonicalArticle
from service.ingest.upsert import upsert
from service.ledger import whom
from service.ledger.digest_runs import add_articles
from service.ledger.followup import follow
from service.models import (
    Alarm,
    AlarmKind,
    Article,
    Channel,
    Delivery,
    DeliveryState,
    Destination,
    Frequency,
    Notification,
    NotificationKind,
    Source,
    Subscription,
)
from service.subscriptions import channel_acts, channel_swap, chat_rooms, webhook_keys
from service.subscriptions.channel_missed import missed
from service.subscriptions.channel_tests import last_test, queue_test
from service.subscriptions.channel_tests import test_of_next as next_test
from service.subscriptions.channels import ChannelError
from tests.integration.chat import test_channels
from workers.chat import send_chat_batch
from workers.plan import plan_notification
from workers.recover import sweep_once

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
room = test_channels.room
SENT, SUPPRESSED = DeliveryState.SENT, DeliveryState.SUPPRESSED
REJECTED, CANCELLED = DeliveryState.REJECTED, DeliveryState.CANCELLED


@pytest.fixture
def tell(runtime, town):
    """Plans news and sends its chat batches."""

    def tell(article=None, *, is_urgent=False):
        article = article or town.article()
        notification = town.notification(article)
        with runtime.db.write() as session:
            values = {"is_urgent": is_urgent}
            session.execute(update(Article).where(Article.id == article).values(**values))
            its = update(Notification).where(Notification.id == notification)
            session.execute(its.values(**values))
        plan_notification(runtime, notification)
        send(runtime, town)
        return notification

    return tell


def send(runtime, town):
    for batch in town.batches():
        send_chat_batch(runtime, batch)
    assert town.findings() == []


def change(runtime, destination_id, **values):
    with runtime.db.write() as session:
        session.execute(
            update(Destination).where(Destination.id == destination_id).values(**values)
        )


def channel_of(session, destination_id):
    channel_id = session.get_one(Destination, destination_id).channel_id
    return session.get_one(Channel, channel_id)


def test_urgent_news_alone_and_what_follows_it(room, town, tell, runtime):
    all_news, urgent = town.channel(room.url("all")), town.channel(room.url("urgent"))
    change(runtime, urgent, is_urgent_only=True)

    ordinary, alarm = tell(), tell(is_urgent=True)

    assert town.states(ordinary) == {all_news: SENT}
    assert town.states(alarm) == {all_news: SENT, urgent: SENT}
    article = town.get(Notification, alarm).article_id
    with runtime.db.write() as session:
        row = session.get_one(Article, article)
        gone = follow(session, row, NotificationKind.WITHDRAWAL, None, utcnow(), "")
        assert gone is not None
    plan_notification(runtime, gone.id)
    send(runtime, town)
    assert town.states(gone.id) == {all_news: SENT, urgent: SENT}


def test_who_would_be_told_knows_urgent_news(room, town, runtime):
    change(runtime, town.channel(room.url()), is_urgent_only=True)
    article = town.article()
    found = []
    for is_urgent in (False, True):
        with runtime.db.write() as session:
            session.execute(update(Article).values(is_urgent=is_urgent))
        with runtime.db.read() as session:
            asked = whom.ask(session, article)
            found.append(whom.count_all(session, asked, "Europe/Istanbul").planned)
    assert found == [0, 1]


def test_a_channel_that_wants_no_more_ordinary_news_gets_none_that_waits(
    room,
    town,
    runtime,
):
    channel = town.channel(room.url())
    notification = town.planned()
    change(runtime, channel, is_urgent_only=True)

    send(runtime, town)

    assert town.states(notification) == {channel: SUPPRESSED}
    assert room.got == []


def test_news_that_turns_urgent_reaches_who_hears_of_nothing_else(
    room,
    town,
    tell,
    runtime,
):
    channel, other = town.channel(room.url("urgent")), town.channel(room.url("all"))
    change(runtime, channel, is_urgent_only=True)
    notification = tell()
    assert town.states(notification) == {other: SENT}
    article = town.get(Article, town.get(Notification, notification).article_id)
    with runtime.db.write() as session:
        source = session.get_one(Source, article.source_id)
        source.may_send_urgent = True
        text = CanonicalArticle(
            id=article.external_id,
            url="https://www.example.bel.tr/haber/acil",
            title="Acil: su kesintisi",
            body_text="Bugün sular kesilecek.",
            urgent=True,
            state="published",
            updated_at=utcnow(),
        )
        upsert(session, source, text, utcnow(), "")
    assert town.get(Notification, notification).is_urgent
    plan_notification(runtime, notification)
    send(runtime, town)
    assert town.states(notification) == {other: SENT, channel: SENT}


def test_what_waited_for_the_end_of_quiet_hours_is_one_list(
    room,
    town,
    tell,
    runtime,
    clock,
):
    channel = town.channel(room.url())
    minute = _minute_now()
    change(runtime, channel, quiet_from=(minute - 60) % 1440, quiet_until=(minute + 120) % 1440)
    first, second = tell(), tell()
    assert room.got == []
    clock.advance(hours=2, seconds=61)
    sweep_once(runtime)
    send(runtime, town)
    (got,) = room.got
    assert got["title"] == "Sessiz saatlerinizin haberleri"
    assert got["message"].count("https://") == 2
    assert town.states(first) == town.states(second) == {channel: CANCELLED}


def test_a_list_that_was_gathered_for_a_room_is_no_event_for_a_program(
    room,
    town,
    tell,
    runtime,
    clock,
):
    destination, minute = town.channel(room.url()), _minute_now()
    change(runtime, destination, quiet_from=(minute - 60) % 1440, quiet_until=(minute + 120) % 1440)
    tell(), tell()
    clock.advance(hours=2, seconds=61)
    sweep_once(runtime)
    held = (runtime.vault, runtime.settings, None)
    with runtime.db.write() as session:
        channel = channel_of(session, destination)
        channel_acts.change(session, *held, channel, url=room.url().replace("json", "http"))
        webhook_keys.make(session, runtime.vault, None, channel, utcnow())

    send(runtime, town)

    (gathered,) = [row.id for row in town.all(Notification) if row.kind == "summary"]
    assert town.states(gathered) == {destination: SUPPRESSED}
    assert room.got == []


def _minute_now():
    local = utcnow() + timedelta(hours=3)
    return local.hour * 60 + local.minute


def test_a_refused_channel_alarms_and_a_new_address_ends_that(
    room,
    town,
    tell,
    runtime,
):
    destination = town.channel(room.url("old-token"))
    room.answer = lambda handler: handler.say(404)
    tell()
    lost = tell()
    room.answer = lambda handler: handler.say(200)
    with runtime.db.read() as session:
        channel = channel_of(session, destination)
        assert channel.paused_at is not None
        assert (missed(session, channel).count, channel.is_paused) == (2, True)
        alarms = session.scalars(select(Alarm.kind).where(Alarm.cleared_at.is_(None))).all()
        assert alarms == [AlarmKind.CHANNEL_PAUSED]
    assert town.states(lost) == {destination: SUPPRESSED}
    held = (runtime.vault, runtime.settings, None)

    with runtime.db.write() as session:
        channel = channel_of(session, destination)
        channel_swap.offer(session, *held, channel, room.url("new-token"), "")
    with runtime.db.write() as session, pytest.raises(ChannelError, match="has not come in"):
        channel_swap.swap(session, *held, channel_of(session, destination), utcnow())
    room.got.clear()
    send(runtime, town)
    assert [got["title"] for got in room.got] == ["Deneme iletisi"]
    with runtime.db.write() as session:
        channel = channel_of(session, destination)
        channel_swap.swap(session, *held, channel, utcnow())
        session.flush()
        assert runtime.vault.decrypt(channel.sealed_url) == room.url("new-token")
        assert (channel.is_paused, channel.next_sealed_url) == (False, "")
        assert session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None))).all() == []
    assert town.states(tell()) == {destination: SENT}


def test_a_refused_test_of_a_new_address_leaves_the_channel_as_it_is(
    room,
    town,
    tell,
    runtime,
):
    destination = town.channel(room.url("old"))
    room.answer = lambda handler: handler.say(401)
    with runtime.db.write() as session:
        channel = channel_of(session, destination)
        held = (runtime.vault, runtime.settings, None, channel)
        channel_swap.offer(session, *held, room.url("new"), "")
    send(runtime, town)
    with runtime.db.read() as session:
        channel = channel_of(session, destination)
        found = next_test(session, channel)
        assert found is not None
        assert (found.state, found.found.code, channel.is_paused) == ("rejected", "401", False)
        assert session.scalars(select(Alarm)).all() == []
    room.answer = lambda handler: handler.say(200)
    assert town.states(tell()) == {destination: SENT}


def test_a_test_of_an_address_that_was_dropped_goes_nowhere(room, town, runtime):
    destination = town.channel(room.url("old"))
    with runtime.db.write() as session:
        channel = channel_of(session, destination)
        held = (runtime.vault, runtime.settings, None, channel)
        batch = channel_swap.offer(session, *held, room.url("new"), "")
        assert channel_swap.drop(session, runtime.vault, None, channel)
    send(runtime, town)
    assert room.got == []
    assert town.states(batch.notification_id) == {destination: CANCELLED}


def test_a_test_shows_what_the_service_said_without_our_secrets(
    room,
    town,
    runtime,
):
    destination = town.channel(room.url("very-secret"))

    def say(handler):
        body = (
            b'{"error": "no <b>room</b> for very-secret\\u0000", "kanal\\u0131n \\ud83d\\ude00": 1}'
        )
        handler.send_response(404)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    room.answer = say
    with runtime.db.write() as session:
        queue_test(session, runtime.vault, None, channel_of(session, destination), "")
    send(runtime, town)
    with runtime.db.read() as session:
        channel = channel_of(session, destination)
        found = last_test(session, channel.id)
        assert found is not None
        assert "very-secret" not in f"{found.found.said} {channel.pause_reason}"
        assert "no room for ***" in found.found.said
        assert "kanalın 😀" in found.found.said
        assert found.answers[0].detail.startswith("the service answered 404: ")
        assert found.answered_in is not None


def test_trying_again_pauses_again_what_is_refused_again(room, town, tell, runtime):
    destination = town.channel(room.url())
    room.answer = lambda handler: handler.say(410)
    tell()
    for status, is_paused in ((410, True), (200, False)):
        room.answer = lambda handler, status=status: handler.say(status)
        with runtime.db.write() as session:
            channel = channel_of(session, destination)
            channel_acts.try_again(session, runtime.vault, None, channel, "", utcnow())
        send(runtime, town)
        with runtime.db.read() as session:
            assert channel_of(session, destination).is_paused is is_paused
            live = session.scalars(select(Alarm).where(Alarm.cleared_at.is_(None))).all()
            assert bool(live) is is_paused


def test_an_address_of_one_room_is_of_that_room_by_whatever_token(runtime):
    vault, bot = runtime.vault, "tgram://123456789:{}/-100123456"
    one, same = (chat_rooms.room_hash(vault, bot.format(letter * 35)) for letter in "ab")
    other = chat_rooms.room_hash(vault, "tgram://123456789:aaa/-100999999")

    assert one == same != other


def test_a_digest_is_a_list_for_a_channel(room, town, runtime, clock):
    channel, reader = town.channel(room.url()), town.reader(frequency=Frequency.DAILY)
    with runtime.db.write() as session:
        session.execute(update(Subscription).values(frequency=Frequency.DAILY))
    articles = [town.article(), town.article()]
    for article in articles:
        plan_notification(runtime, town.notification(article))
    with runtime.db.write() as session:
        now = utcnow()
        digest = Notification(
            kind=NotificationKind.DIGEST,
            state="released",
            payload={"frequency": "daily"},
            release_at=now,
            released_at=now,
        )
        session.add(digest)
        session.flush()
        add_articles(session, digest.id, articles)
    plan_notification(runtime, digest.id)
    for batch in town.batches(digest.id):
        with runtime.db.read() as session:
            is_chat = session.scalar(
                select(Destination.id)
                .join(Delivery, Delivery.destination_id == Destination.id)
                .where(Delivery.batch_id == batch, Destination.kind == "chat")
            )
        if is_chat:
            send_chat_batch(runtime, batch)
    assert set(town.states(digest.id)) == {channel, reader}
    assert town.states(digest.id)[channel] == SENT
    (got,) = room.got
    assert got["title"] == "Bugünün haberleri"
    assert got["message"].count("https://") == 2
