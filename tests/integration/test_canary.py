"""Canaries: what proves that news arrives, and the alarm where nothing does."""

from __future__ import annotations

import json
import smtplib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from werkzeug.serving import make_server

from service.cli import cli
from service.copies.in_flight import REASON, settle_as_told
from service.db import utcnow
from service.ledger.canary import expected
from service.ledger.canary_state import look
from service.ledger.halts import pause
from service.models import (
    Alarm,
    Article,
    ArticleState,
    Canary,
    CanaryKind,
    CanaryProof,
    Channel,
    Consent,
    Destination,
    Figure,
    Halt,
    HaltScope,
    MailboxMessage,
    Notification,
    NotificationKind,
    NotificationState,
    ReaderDay,
    Subscription,
)
from service.runtime import Runtime
from tests.integration.chat.doubles.ntfy import NtfyDouble
from tests.integration.email.intake import listening
from tests.integration.explaining import explained
from workers.canary import watch_canaries
from workers.count import count_readers
from workers.email.bounces import take

CANARY = "kanarya@example.org"
LIMIT_S = 3600


@pytest.fixture
def canary(runtime: Runtime) -> Callable[..., Runtime]:
    """A runtime whose settings ask for canaries, once the chore has made them."""

    def canary(**values: Any) -> Runtime:
        values = {"canary_email": CANARY, **values}
        there = replace(runtime, settings=runtime.settings.model_copy(update=values))
        watch_canaries(there)
        return there

    return canary


def alarms(town: Any) -> list[tuple[int, str, bool]]:
    return [(one.object_id, one.text, one.cleared_at is None) for one in town.all(Alarm)]


def test_nothing_is_there_without_a_setting(town, runtime, work):
    watch_canaries(runtime)

    assert town.all(Canary) == town.all(Destination) == []


def test_it_is_told_of_every_article_and_the_relays_word_proves_it(town, canary, work, full_audit):
    there = canary()
    town.notification(town.article(topics=("ulasim",)))
    work()
    watch_canaries(there)

    assert town.mails()[CANARY] == 1
    (proof,) = town.all(CanaryProof)
    assert (proof.kind, proof.missed_at) == ("email", None)
    assert proof.proved_at is not None
    assert alarms(town) == []


def test_where_mail_is_read_only_the_letter_itself_proves_it(town, canary, work):
    there = canary(bounce_imap_url=SecretStr("imaps://nobody:secret@127.0.0.1/INBOX"))
    town.reader(address="ayse@example.com")
    town.notification(town.article())
    work()
    watch_canaries(there)
    assert town.all(CanaryProof) == []

    letters = {one.recipient: one.raw for one in town.all(MailboxMessage)}
    assert not take(there, letters["ayse@example.com"])  # forwarded by whoever got it
    answer = message_from_bytes(letters[CANARY])
    answer.replace_header("Message-ID", "<forged@tellal.example>")
    assert not take(there, answer.as_bytes())
    assert town.all(CanaryProof) == []

    assert take(there, letters[CANARY])
    assert take(there, letters[CANARY])  # an IMAP visit that died before its mark
    assert [one.proved_at is not None for one in town.all(CanaryProof)] == [True]


def test_a_mail_server_can_hand_it_over(town, canary, work):
    there = canary(bounce_lmtp="127.0.0.1:0")
    town.notification(town.article())
    work()
    raw = town.all(MailboxMessage)[0].raw
    with listening(there) as port, smtplib.LMTP("127.0.0.1", port) as server:
        server.sendmail("", [CANARY.upper()], raw)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            server.sendmail("", ["ayse@example.com"], raw)

    assert [one.proved_at is not None for one in town.all(CanaryProof)] == [True]


def test_silence_is_an_alarm_once_and_a_later_article_clears_it(town, canary, work, clock):
    there = canary(bounce_lmtp="127.0.0.1:2525")
    lost = town.article()
    town.notification(lost)
    work()
    clock.advance(seconds=LIMIT_S - 60)
    watch_canaries(there)
    assert alarms(town) == []

    clock.advance(seconds=120)
    watch_canaries(there)
    watch_canaries(there)
    said = (
        f"the email canary did not hear of article {lost} within 60 min: "
        "it was accepted, and has not come into the mailbox"
    )
    assert alarms(town) == [(1, said, True)]

    clock.advance(seconds=60)
    town.notification(town.article())
    work()
    take(there, town.all(MailboxMessage)[-1].raw)
    watch_canaries(there)
    assert alarms(town) == [(1, said, False)]


def test_an_article_that_was_not_even_planned_is_missed(town, canary, clock):
    there = canary()
    town.notification(town.article())
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)

    assert [text.rpartition(": ")[2] for _, text, _ in alarms(town)] == ["no delivery was planned"]


def test_what_nobody_is_told_is_not_expected(town, canary, work, clock):
    there = canary()
    first = town.article()
    town.notification(first)
    work()
    town.notification(town.article(story_id=_story_of(town, first)))
    town.notification(town.article(), state=NotificationState.HELD)
    work()
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)

    assert alarms(town) == []


def test_what_staff_pause_waits_and_is_not_missed(town, canary, work, clock):
    there = canary()
    with there.db.write() as session:
        pause(session, HaltScope.ALL, 0, "wrong numbers", None, clock())
    town.notification(town.article())
    work()
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)

    assert alarms(town) == town.all(CanaryProof) == []


def test_a_pause_that_does_not_meet_it_keeps_nothing_from_being_missed(town, canary, work, clock):
    there = canary(bounce_lmtp="127.0.0.1:2525")
    room = town.get(Destination, town.channel("ntfys://x/y"))
    with there.db.write() as session:
        pause(session, HaltScope.CHANNEL, room.channel_id, "renovated", None, clock())
        pause(session, HaltScope.LANE, 7, "slow", None, clock(), lane="gmail")
        pause(session, HaltScope.TOPIC, 1, "wrong numbers", None, clock())
    town.notification(town.article())
    work()
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)

    assert [number for number, _, _ in alarms(town)] == [1]


def test_a_pause_of_its_own_lane_is_not_missed(town, canary, work, clock):
    there = canary(bounce_lmtp="127.0.0.1:2525")
    (bird,) = town.all(Destination)
    with there.db.write() as session:
        pause(session, HaltScope.LANE, 7, "slow", None, clock(), lane=bird.lane)
    town.notification(town.article())
    work()
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)

    assert alarms(town) == []


def test_one_that_is_set_off_takes_its_alarm_with_it(town, canary, work, clock):
    there = canary(bounce_lmtp="127.0.0.1:2525")
    town.notification(town.article())
    work()
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)
    assert [is_live for _, _, is_live in alarms(town)] == [True]
    canary(canary_email="")
    assert [is_live for _, _, is_live in alarms(town)] == [False]


def test_a_channel_that_was_removed_is_an_alarm(town, canary, work):
    """Nobody would ever be missed by a canary that is gone."""
    with NtfyDouble().running() as ntfy:
        destination = town.get(Destination, town.channel(ntfy.url("kanarya"), topic=None))
        channel = town.get(Channel, destination.channel_id)
        there = canary(canary_email="", canary_channel=channel.name)
        assert alarms(town) == []
        with there.db.write() as session:
            session.get_one(Channel, channel.id).removed_at = utcnow()
        watch_canaries(there)
        watch_canaries(there)
        said = "the chat canary hears nothing: no channel has the name that"
        assert [text.startswith(said) for _, text, is_live in alarms(town) if is_live] == [True]
        with there.db.write() as session:
            session.get_one(Channel, channel.id).removed_at = None
        watch_canaries(there)
        town.notification(town.article())
        work()
        watch_canaries(there)
    assert [is_live for _, _, is_live in alarms(town)] == [False]


def test_what_was_told_before_a_restore_is_not_missed(town, canary, work, clock):
    there = canary(bounce_lmtp="127.0.0.1:2525")
    town.notification(town.article())
    work()  # it came into the mailbox of the service that is gone
    unsent = town.article()
    town.notification(unsent)
    restored = clock()
    with there.db.write() as session:
        pause(session, HaltScope.ALL, 0, f"{REASON} x", None, restored)
    work()
    clock.advance(seconds=60)
    fresh = town.article()
    town.notification(fresh)
    clock.advance(seconds=2 * LIMIT_S)

    settle_as_told(there.db, restored, clock())
    with there.db.write() as session:
        session.execute(update(Halt).values(ended_at=clock()))
    watch_canaries(there)
    assert alarms(town) == []  # what was held meanwhile has only now begun to be sent

    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)
    assert [text.split()[8] for _, text, _ in alarms(town)] == [str(fresh)]
    assert [one.missed_at is not None for one in town.all(CanaryProof)] == [False, False, True]


def test_a_look_goes_back_a_day_whatever_came_in_since(town, canary, clock, monkeypatch):
    there = canary()
    late = town.article()
    town.notification(late)
    clock.advance(seconds=LIMIT_S + 1)
    source_id = town.get(Article, late).source_id
    state = {"state": ArticleState.PUBLISHED, "published_at": clock()}
    with there.db.write() as session:
        many = [
            Article(source_id=source_id, external_id=f"many-{number}", **state)
            for number in range(501)
        ]
        session.add_all(many)
        session.flush()
        told = {"kind": NotificationKind.NEW, "state": NotificationState.DONE}
        session.add_all(
            Notification(article_id=one.id, release_at=clock(), released_at=clock(), **told)
            for one in many
        )
    watch_canaries(there)

    assert [text.split()[8] for _, text, _ in alarms(town)] == [str(late)]


def test_a_look_takes_articles_by_their_time(town, canary, runtime, clock):
    if not runtime.db.is_sqlite:
        return  # PostgreSQL chooses by what the tables hold
    canary()
    with runtime.db.read() as session, explained(runtime.db.engine) as steps:
        expected(session, session.get_one(Canary, CanaryKind.EMAIL), clock())

    assert any("ix_article_created_at" in step.partition(": ")[0] for step in steps)
    assert not any(step.startswith(("SCAN article:", "SCAN notification:")) for step in steps)


def test_two_schedulers_at_once_make_one_canary_and_one_alarm(town, runtime, clock):
    there = replace(runtime, settings=runtime.settings.model_copy(update={"canary_email": CANARY}))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(watch_canaries, [there] * 4))
    assert (len(town.all(Canary)), town.count(Destination)) == (1, 1)
    assert [one.ended_at for one in town.all(Subscription)] == [None]

    town.notification(town.article())
    clock.advance(seconds=LIMIT_S + 1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(watch_canaries, [there] * 4))
    assert (len(alarms(town)), town.count(CanaryProof)) == (1, 1)


@pytest.mark.parametrize("number", [0, 1])
def test_a_look_that_dies_at_a_commit_is_made_again(town, canary, clock, number):
    there = canary()
    town.notification(town.article())
    clock.advance(seconds=LIMIT_S + 1)

    class Dying:
        """A database whose commit of one number never comes."""

        def __init__(self) -> None:
            self.commits, self.read = 0, there.db.read

        @contextmanager
        def write(self) -> Iterator[Any]:
            with there.db.write() as session:
                yield session
                self.commits += 1
                if self.commits - 1 == number:
                    raise OperationalError("", None, Exception("killed"))

    with pytest.raises(OperationalError):
        watch_canaries(replace(there, db=Dying()))
    assert alarms(town) == town.all(CanaryProof) == []

    watch_canaries(there)
    assert len(alarms(town)) == len(town.all(CanaryProof)) == 1


def test_no_link_of_its_letters_ends_it(town, canary, client, work):
    canary()
    town.notification(town.article())
    work()
    letter = message_from_bytes(town.all(MailboxMessage)[0].raw)
    link = letter["List-Unsubscribe"].split("<https://")[-1].split("<http://")[-1].partition(">")[0]
    path = "/" + link.partition("/")[2]

    assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert [one.ended_at for one in town.all(Subscription)] == [None]
    assert town.all(Consent) == []


def test_it_is_no_reader(town, canary):
    there = canary()
    town.reader()
    count_readers(there)

    readers = [one for one in town.all(ReaderDay) if one.figure == Figure.READERS]
    assert [one.count for one in readers] == [1]


def test_another_address_takes_its_place_and_none_takes_it_away(town, canary):
    canary()
    canary(canary_email="baska@example.org")
    rows = {one.address: one for one in town.all(Destination)}
    live = [one.destination_id for one in town.all(Subscription) if one.ended_at is None]
    assert live == [rows["baska@example.org"].id]
    assert rows[CANARY].verified_at is None

    canary(canary_email="")
    assert town.all(Canary) == []
    assert [one for one in town.all(Subscription) if one.ended_at is None] == []
    canary()
    live = [one.destination_id for one in town.all(Subscription) if one.ended_at is None]
    assert live == [rows[CANARY].id]


def test_the_address_of_a_reader_is_left_alone(town, runtime, command_line, monkeypatch):
    reader = town.reader(address="ayse@example.com")
    with runtime.db.write() as session:
        hashed = runtime.vault.keyed_hash("address", "email:ayse@example.com")
        session.execute(
            update(Destination).where(Destination.id == reader).values(address_hash=hashed)
        )
    monkeypatch.setenv("TELLAL_CANARY_EMAIL", "ayse@example.com")
    said = CliRunner().invoke(cli, ["canary"])

    assert said.exit_code == 1
    assert "give the canary an address of its own" in said.output
    assert "ayse" not in said.output
    assert town.all(Canary) == []


def test_a_channel_that_hears_of_everything_proves_chat(town, canary, work):
    with NtfyDouble().running() as ntfy:
        destination = town.channel(ntfy.url("kanarya"), topic=None)
        channel = town.get(Destination, destination).channel_id
        name = town.get(Channel, channel).name
        there = canary(canary_email="", canary_channel=name)
        town.notification(town.article())
        work()
        watch_canaries(there)
    assert [(one.kind, one.missed_at) for one in town.all(CanaryProof)] == [("chat", None)]


def test_a_channel_that_does_not_hear_of_everything_is_said(
    town, runtime, command_line, monkeypatch
):
    name = town.get(Channel, town.get(Destination, town.channel("ntfys://x/y")).channel_id).name
    monkeypatch.setenv("TELLAL_CANARY_CHANNEL", name)
    assert "does not hear of everything at once" in CliRunner().invoke(cli, ["canary"]).output


@pytest.fixture
def public(app) -> Iterator[str]:
    """The address of a web server that serves the city's pages."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("suffix", ["atom", "rss", "json"])
def test_the_public_feed_itself_proves_the_feed(town, canary, cms, work, public, clock, suffix):
    there = canary(canary_email="", canary_feed=f"{public}/feeds/all.{suffix}")
    cms.post()
    work()
    clock.advance(minutes=10)  # the hold of its source
    work()
    watch_canaries(there)

    assert [(one.kind, one.missed_at) for one in town.all(CanaryProof)] == [("feed", None)]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:1/feeds/all.atom", "127.0.0.1: ConnectionError"),
        ("https://10.0.0.1/feeds/all.atom", "10.0.0.1 has no address that may be reached"),
    ],
)
def test_a_feed_that_cannot_be_fetched_says_why(town, canary, clock, address, said):
    there = canary(canary_email="", canary_feed=address)
    town.notification(town.article())
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)

    assert [text.partition("min: ")[2] for _, text, _ in alarms(town)] == [said]


def test_the_command_line_says_it_and_fails_where_one_is_late(
    town, canary, work, clock, command_line, monkeypatch
):
    run = CliRunner().invoke
    assert "No canary is set" in run(cli, ["canary"]).output
    monkeypatch.setenv("TELLAL_CANARY_EMAIL", CANARY)
    there = canary()
    town.notification(town.article())
    work()
    watch_canaries(there)
    said = run(cli, ["canary", "--json"])
    assert (said.exit_code, [one["missed"] for one in json.loads(said.output)]) == (0, [0])

    town.notification(town.article())
    clock.advance(seconds=LIMIT_S + 1)
    watch_canaries(there)
    said = run(cli, ["canary"])
    assert (said.exit_code, "LATE" in said.output) == (1, True)
    assert "missed within a day: 1" in said.output


def test_what_the_staff_pause_is_not_late(town, canary, runtime, clock):
    there = canary()
    town.notification(town.article())
    with runtime.db.write() as session:
        pause(session, HaltScope.ALL, 0, "a mistake", None, utcnow())
    clock.advance(seconds=3 * LIMIT_S)
    watch_canaries(there)

    with runtime.db.read() as session:
        [seen] = look(session, utcnow())
    assert seen.waits_since is None
    assert not seen.is_late(utcnow(), timedelta(seconds=LIMIT_S))


def _story_of(town: Any, article_id: int) -> int:
    return int(town.get(Article, article_id).story_id)
