"""`tellal mail test`: one letter by the way that news takes, and what the relay said to it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.models import BatchState, DeliveryState
    from service.runtime import Runtime

LOOK_EVERY_S = 0.1
EXIT_NOT_SENT = 1

# What the codes of RFC 3463 mean to an operator; the longest beginning counts.
MEANINGS = {
    "4": "the other side asks for another try later",
    "4.2.2": "that mailbox is full",
    "4.3": "the relay, or the server behind it, is out of order for a while",
    "4.4": "the relay does not reach the server behind it",
    "4.7": "the other side takes less from you than you send, or wants a second try (greylisting)",
    "5": "the other side refuses for good",
    "5.1.1": "there is no such mailbox",
    "5.1.2": "the domain of that address takes no mail",
    "5.1.3": "the other side does not read that as an address",
    "5.1.6": "that mailbox has moved away",
    "5.1.7": "the other side does not take TELLAL_MAIL_FROM as a sender",
    "5.1.8": "the other side does not take TELLAL_MAIL_FROM as a sender",
    "5.1.10": "the domain of that address says that it takes no mail",
    "5.2.1": "that mailbox is switched off",
    "5.2.2": "that mailbox is full",
    "5.7": "the other side's rules refuse it; `tellal doctor` looks at SPF, DKIM, DMARC and PTR",
    "5.7.8": "the relay refuses your login; see `tellal doctor`",
}


@dataclass(frozen=True)
class _Look:
    """What the ledger knows at one moment."""

    state: DeliveryState
    batch_state: BatchState
    due_at: datetime | None
    code: str
    said: str


@click.command("test")
@click.argument("address")
@click.option("--language", type=click.Choice(("tr", "en")), default="tr", show_default=True)
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(1, 600),
    default=60,
    show_default=True,
    help="Seconds to wait for the outcome.",
)
def test_mail(address: str, language: str, wait_s: int) -> None:
    """Send one test letter to ADDRESS and show what the relay says to it.

    It goes through ledger, queue and worker, so `tellal up` or the workers must run. The address is
    subscribed to nothing, and forgotten once the letter is decided. Exit code 0: the relay has
    taken it; 1: it has not, or not yet.
    """
    from service.ledger.batches import ring_batch
    from service.subscriptions.addresses import AddressError, normalise_email
    from service.subscriptions.trial import SuppressedError, forget_trials, queue_trial

    try:
        normal = normalise_email(address)
    except AddressError as error:
        raise Refusal(f"{address!r} is no address that mail can go to: {error}") from error
    with opened_runtime() as runtime:
        try:
            with runtime.db.write() as session:
                batch, destination = queue_trial(
                    session, runtime.vault, normal, language, "tellal mail test"
                )
        except SuppressedError as error:
            raise Refusal(f"{normal} must not be written to: it is suppressed ({error})") from error
        ring_batch(runtime.doorbell, batch)
        click.echo(f"queued: letter {batch.notification_id} to {normal}")
        is_sent = _wait(runtime, batch.id, batch.notification_id, destination.id, wait_s)
        with runtime.db.write() as session:
            forget_trials(session)
    if not is_sent:
        raise SystemExit(EXIT_NOT_SENT)


def _wait(
    runtime: Runtime, batch_id: int, notification_id: int, destination_id: int, wait_s: float
) -> bool:
    """Say what happens until it is decided, put off, or patience is over; true: it was sent."""
    from service.models import BatchState, DeliveryState

    deadline = time.monotonic() + wait_s
    is_taken = False
    while True:
        look = _look(runtime, batch_id, notification_id, destination_id)
        if look.state != DeliveryState.QUEUED:
            click.echo(_outcome(runtime, look))
            return look.state == DeliveryState.SENT
        if look.batch_state == BatchState.LEASED and not is_taken:
            is_taken = True
            click.echo("taken: a worker has it")
        if look.batch_state == BatchState.READY and _is_put_off(look.due_at):
            click.echo(
                "waiting: the relay takes nothing now, and the worker tries again at "
                f"{_clock(runtime, look.due_at)}; `tellal doctor` says what is wrong with it"
            )
            return False
        if time.monotonic() > deadline:
            who = "the worker has no answer yet" if is_taken else "no worker took it; do they run?"
            click.echo(f"waiting: after {wait_s:.0f} s {who}")
            return False
        time.sleep(LOOK_EVERY_S)


def _is_put_off(due_at: datetime | None) -> bool:
    """True where a batch that is nobody's waits for its time: the relay was away."""
    from service.db import utcnow

    return due_at is not None and due_at > utcnow()


def _look(runtime: Runtime, batch_id: int, notification_id: int, destination_id: int) -> _Look:
    from sqlalchemy import select

    from service.models import Batch, Delivery, DeliveryAnswer, DeliveryState

    with runtime.db.read() as session:
        delivery = session.get_one(Delivery, (notification_id, destination_id))
        batch = session.get_one(Batch, batch_id)
        answer = session.scalars(
            select(DeliveryAnswer)
            .where(DeliveryAnswer.notification_id == notification_id)
            .where(DeliveryAnswer.destination_id == destination_id)
            .order_by(DeliveryAnswer.id.desc())
            .limit(1)
        ).first()
        state = DeliveryState(delivery.state)
        is_open = state == DeliveryState.QUEUED
        return _Look(
            state,
            batch.state,
            batch.due_at if is_open else delivery.due_at,
            answer.code if answer else "",
            "".join(c if c.isprintable() else " " for c in answer.detail) if answer else "",
        )


def _outcome(runtime: Runtime, look: _Look) -> str:
    """One line: the state, what the other side said, and what that means."""
    from service.models import DeliveryState

    if look.state == DeliveryState.SENT and not runtime.settings.smtp_url.get_secret_value():
        return f"sent: into the built-in mailbox, {runtime.settings.public_url}/dev/mailbox"
    line = f"{look.state.word}: {look.said or look.code or 'no answer was kept'}"
    if meaning := meaning_of(look.code):
        line += f" – {meaning}"
    if look.state == DeliveryState.DEFERRED:
        line += f"; tried again at {_clock(runtime, look.due_at)}"
    return line


def meaning_of(code: str) -> str:
    """What a code means, by its longest beginning that is known; empty for a yes."""
    enhanced = code if "." in code else ".".join(code)
    parts = enhanced.split(".")
    for length in range(len(parts), 0, -1):
        if found := MEANINGS.get(".".join(parts[:length])):
            return found
    return ""


def _clock(runtime: Runtime, moment: datetime | None) -> str:
    from zoneinfo import ZoneInfo

    if moment is None:
        return "an unknown time"
    return f"{moment.astimezone(ZoneInfo(runtime.settings.timezone)):%H:%M:%S}"
