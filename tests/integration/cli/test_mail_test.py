"""`tellal mail test`: the letter, the relay's answer, and nothing that stays of the address."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import redis
from click.testing import CliRunner, Result
from structlog.testing import capture_logs

from service.cli import cli
from service.cli.mail_test import meaning_of
from service.models import (
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    MailboxMessage,
    OneTimeToken,
    Subscriber,
    Subscription,
)
from service.runtime import Runtime
from service.settings import Settings, load
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Ask, ask
from service.subscriptions.trial import forget_trials, queue_trial
from service.tasks import Queue
from tests.integration.doctor import relay
from workers.email import send_email_batch
from workers.retain import forget_expired

pytestmark = pytest.mark.usefixtures("command_line", "full_audit")

ADDRESS = "deneme@example.org"
PATIENCE_S = 30


@contextmanager
def a_worker(settings: Settings) -> Iterator[None]:
    """Takes one ring from the broker and sends its batch, as a worker would."""

    def work() -> None:
        with redis.Redis.from_url(settings.redis_url.get_secret_value()) as broker:
            ring = broker.blpop([f"tellal:{Queue.TRANSACTIONAL}"], PATIENCE_S)
        assert ring is not None, "nobody rang"
        batch_id = int(json.loads(ring[1])["headers"]["argsrepr"].strip("(,)"))
        runtime = Runtime.start(load())
        send_email_batch(runtime, batch_id)
        runtime.close()

    thread = threading.Thread(target=work)
    with capture_logs():  # the worker's lines would come between those of the command
        thread.start()
        yield
        thread.join(PATIENCE_S)


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command beside a worker; without `answers` there is no relay."""

    def run(*words: str, answers: dict[str, str] | None = None) -> Result:
        with redis.Redis.from_url(settings.redis_url.get_secret_value()) as broker:
            broker.flushall()
        command = ["mail", "test", *words]
        if answers is None:
            with a_worker(settings):
                return CliRunner().invoke(cli, command)
        with relay.served(answers=answers) as (desk, port):
            monkeypatch.setenv("TELLAL_SMTP_URL", f"smtp://127.0.0.1:{port}")
            with a_worker(settings):
                result = CliRunner().invoke(cli, command)
            run.desk = desk
        return result

    return run


def test_a_letter_that_the_relay_takes_is_shown_with_its_answer(run, town) -> None:
    result = run(ADDRESS, answers={"DATA": "250 2.0.0 queued as 4XyZ"})

    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].startswith("queued: letter ")
    assert lines[0].endswith(f" to {ADDRESS}")
    assert lines[-1] == "sent: 250 2.0.0 queued as 4XyZ"
    assert run.desk.asked[1] == ADDRESS
    assert run.desk.letters == 1


def test_nothing_of_the_address_stays(run, town) -> None:
    run(ADDRESS, answers={})

    (destination,) = town.all(Destination)
    assert (destination.address, destination.verified_at) == ("", None)
    assert destination.address_hash == f"forgotten:{destination.id}"
    assert town.count(Subscriber) == town.count(Subscription) == town.count(OneTimeToken) == 0
    assert [row.state for row in town.all(Delivery)] == [DeliveryState.SENT]


def test_a_second_test_gets_a_number_of_its_own(run, town) -> None:
    run(ADDRESS, answers={})
    run(ADDRESS, answers={})

    ids = {row.destination_id for row in town.all(Delivery)}
    assert len(ids) == len(town.all(Destination)) == 2
    assert {row.address for row in town.all(Destination)} == {""}


@pytest.mark.parametrize(
    ("language", "subject", "says"),
    [("tr", "Deneme e-postası", "abone olmadınız"), ("en", "Test email", "subscribes you to")],
)
def test_without_a_relay_it_lies_in_the_built_in_mailbox(
    run, town, language: str, subject: str, says: str
) -> None:
    result = run(ADDRESS, "--language", language)

    assert result.exit_code == 0, result.output
    assert result.output.endswith(
        "sent: into the built-in mailbox, http://localhost:8080/dev/mailbox\n"
    )
    (mail,) = town.all(MailboxMessage)
    message = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert message["Subject"] == subject
    assert says in message.get_body(("plain",)).get_content()
    assert "List-Unsubscribe" not in message


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        (
            {"RCPT": "550 5.1.1 no such user"},
            "rejected: 550 5.1.1 no such user – there is no such mailbox",
        ),
        (
            {"DATA": "550 5.7.26 unauthenticated"},
            "rejected: 550 5.7.26 unauthenticated – the other side's rules refuse it; `tellal",
        ),
        (
            {"RCPT": "450 4.2.0 greylisted"},
            "deferred: 450 4.2.0 greylisted – the other side asks for another try later; tried",
        ),
    ],
)
def test_a_refusal_is_shown_with_what_it_means(
    run, town, answers: dict[str, str], line: str
) -> None:
    result = run(ADDRESS, answers=answers)

    assert result.exit_code == 1
    assert result.output.splitlines()[-1].startswith(line), result.output
    is_kept = line.startswith("deferred")  # it is tried again, and needs the address for that
    assert [row.address for row in town.all(Destination)] == [ADDRESS if is_kept else ""]


def test_a_relay_that_is_away_is_said_at_once(run, monkeypatch) -> None:
    monkeypatch.setenv("TELLAL_SMTP_URL", "smtp://127.0.0.1:1")

    result = run(ADDRESS)

    assert result.exit_code == 1
    assert "waiting: the relay takes nothing now" in result.output
    assert "`tellal doctor`" in result.output


def test_without_workers_it_says_so_and_the_address_goes_later(
    town, runtime: Runtime, work, clock
) -> None:
    result = CliRunner().invoke(cli, ["mail", "test", ADDRESS, "--wait", "1"])

    assert result.exit_code == 1
    assert result.output.endswith("waiting: after 1 s no worker took it; do they run?\n")
    assert [row.address for row in town.all(Destination)] == [ADDRESS]
    work()  # the sweeper finds it
    assert town.mails() == {ADDRESS: 1}
    forget_expired(runtime)
    assert [row.address for row in town.all(Destination)] == [""]


@pytest.mark.parametrize(
    "address", ["", "nobody", "a b@example.org", "ı@example.org", "a@x\r\nDATA", "@example.org"]
)
def test_what_is_no_address_is_one_clear_sentence(address: str, town) -> None:
    result = CliRunner().invoke(cli, ["mail", "test", address])

    assert result.exit_code == 2
    assert result.output.startswith("tellal: ")
    assert "is no address that mail can go to" in result.output
    assert len(town.news()) == 0


def test_a_suppressed_address_is_refused(town) -> None:
    town.reader(address=ADDRESS, is_suppressed=True)

    result = CliRunner().invoke(cli, ["mail", "test", ADDRESS])

    assert result.exit_code == 2
    assert f"{ADDRESS} must not be written to: it is suppressed (bounce)" in result.output
    assert len(town.news()) == 0


def test_a_reader_stays_as_they_are(run, town) -> None:
    reader = town.reader(address=ADDRESS)
    before = town.get(Destination, reader)

    run(ADDRESS, answers={})

    after = town.get(Destination, reader)
    assert (after.address, after.verified_at) == (ADDRESS, before.verified_at)
    assert town.count(Destination) == town.count(Subscription) == 1


def test_who_asks_for_news_meanwhile_is_not_forgotten(town, runtime: Runtime) -> None:
    choices = Choices((town.topic(),), None, "instant")
    request = Ask(ADDRESS, choices, "tr", "evet", "form", "test")
    with runtime.db.write() as session:
        batch, destination = queue_trial(session, runtime.vault, ADDRESS, "tr", "test")
    with runtime.db.write() as session:
        ask(session, runtime.vault, request)
    send_email_batch(runtime, batch.id)

    with runtime.db.write() as session:
        assert forget_trials(session) == 0

    assert [row.address for row in town.all(Destination)] == [ADDRESS]
    assert town.get(Destination, destination.id).subscriber_id is not None
    assert town.count(Subscriber) == 1


def test_news_keep_no_row_for_a_plain_yes(run, town, settings: Settings, monkeypatch) -> None:
    town.reader(address="okur@example.org")
    notification = town.planned()
    with relay.served() as (_, port):
        monkeypatch.setenv("TELLAL_SMTP_URL", f"smtp://127.0.0.1:{port}")
        runtime = Runtime.start(load())
        for batch in town.batches(notification):
            send_email_batch(runtime, batch)
        runtime.close()

    assert set(town.states(notification).values()) == {DeliveryState.SENT}
    assert town.count(DeliveryAnswer) == 0


def test_the_longest_known_beginning_of_a_code_gives_its_meaning() -> None:
    assert meaning_of("5.1.1") == "there is no such mailbox"
    assert meaning_of("5.7.515") == meaning_of("5.7")
    assert meaning_of("5.9.9") == meaning_of("554") == "the other side refuses for good"
    assert meaning_of("2.0.0") == meaning_of("250") == meaning_of("") == meaning_of("lost") == ""
