"""What `tellal channel` changes: name, address, topics, pauses; test messages; the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.channel_hearing import OPTIONS, hearing, in_their_words
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import FILE, STAFF, actor_of, read_secret

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.acts import Actor
    from service.models import Batch, Channel
    from service.runtime import Runtime
    from service.subscriptions.channel_tests import LastTest

LOOK_EVERY_S = 0.5  # for the answer of a test message


@contextmanager
def refusals() -> Iterator[None]:
    """Say what is refused in one sentence, which never repeats an address."""
    from service.subscriptions.chat_urls import ChannelError

    try:
        yield
    except ChannelError as error:
        raise Refusal(str(error)) from error


@contextmanager
def changing(name: str, staff: str) -> Iterator[tuple[Session, Runtime, Actor | None, Channel]]:
    """One transaction about a channel, which nobody else changes meanwhile."""
    from service.subscriptions.channels import channel_named, channel_of

    with refusals(), opened_runtime() as runtime, runtime.db.write() as session:
        row = channel_of(session, channel_named(session, name).id, lock=True)
        if row is None:
            raise Refusal(f"somebody has just removed {name}")
        yield session, runtime, actor_of(session, staff), row


@click.command()
@click.argument("name")
@click.option("--name", "new_name", help="Its new name.")
@click.option("--url-file", type=FILE, help="File with its new Apprise URL; - reads the input.")
@click.option("--topic", "topics", multiple=True, help="Slug; replaces all of before.")
@click.option("--all-topics", is_flag=True, help="It hears of all topics.")
@click.option("--place", "places", multiple=True, help="Slug; replaces all of before.")
@click.option("--whole-city", is_flag=True, help="It hears of all districts.")
@click.option("--language", help="Of its messages.")
@OPTIONS
@STAFF
def edit(
    name: str,
    new_name: str | None,
    url_file: Path | None,
    topics: tuple[str, ...],
    all_topics: bool,
    places: tuple[str, ...],
    whole_city: bool,
    language: str | None,
    staff: str,
    **options: Any,
) -> None:
    """Change a channel; what is not named stays as it is."""
    from service.subscriptions import channel_acts

    with changing(name, staff) as (session, runtime, actor, row):
        names = channel_acts.change(
            *(session, runtime.vault, runtime.settings, actor, row),
            name=new_name,
            url=read_secret(url_file) if url_file else None,
            topics=list(topics) if topics or all_topics else None,
            places=list(places) if places or whole_city else None,
            language=language,
            **hearing(options),
        )
    click.echo(f"Channel {name}: {in_their_words(names) or 'nothing'} changed.")


@click.command()
@click.argument("name")
@click.option("--wait", type=click.IntRange(0, 300), default=20, show_default=True, help="Seconds.")
@STAFF
def test(name: str, wait: int, staff: str) -> None:
    """Send a test message, and show what was answered."""
    from service.subscriptions.channel_tests import last_test, queue_test

    with changing(name, staff) as (session, runtime, actor, row):
        batch, channel_id = queue_test(session, runtime.vault, actor, row, ""), row.id
    await_test(batch, wait, lambda session: last_test(session, channel_id))


@click.command()
@click.argument("name")
@click.option("--reason", required=True, help="Staff read it beside the channel.")
@STAFF
def pause(name: str, reason: str, staff: str) -> None:
    """Let what is unsent wait, until `resume`."""
    from service.db import utcnow
    from service.subscriptions import channel_acts

    with changing(name, staff) as (session, runtime, actor, row):
        is_new = channel_acts.pause(session, runtime.vault, actor, row, reason, utcnow())
    click.echo(f"Channel {name} is paused." if is_new else f"Channel {name} was paused already.")


@click.command()
@click.argument("name")
@STAFF
def resume(name: str, staff: str) -> None:
    """Send to a channel again, also where it paused itself."""
    from service.db import utcnow
    from service.ledger.hold import free_held
    from service.models import HaltScope
    from service.subscriptions import channel_acts

    with changing(name, staff) as (session, runtime, actor, row):
        is_ended = channel_acts.resume(session, runtime.vault, actor, row, utcnow())
        channel_id = row.id
    with opened_runtime() as runtime:
        free_held(runtime.db, runtime.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    click.echo(f"Channel {name} is resumed." if is_ended else f"Channel {name} was not paused.")


@click.command(name="try-again")
@click.argument("name")
@click.option("--wait", type=click.IntRange(0, 300), default=20, show_default=True, help="Seconds.")
@STAFF
def try_again(name: str, wait: int, staff: str) -> None:
    """Resume a channel that paused itself, and send it a test message."""
    from service.db import utcnow
    from service.ledger.hold import free_held
    from service.models import HaltScope
    from service.subscriptions import channel_acts
    from service.subscriptions.channel_tests import last_test

    with changing(name, staff) as (session, runtime, actor, row):
        batch = channel_acts.try_again(session, runtime.vault, actor, row, "", utcnow())
        channel_id = row.id
    with opened_runtime() as runtime:
        free_held(runtime.db, runtime.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    await_test(batch, wait, lambda session: last_test(session, channel_id))


@click.command()
@click.argument("name")
@click.option("--reason", default="", help="For the log of acts.")
@click.option("--yes", "confirmed", default="", help="The channel's name once more, to do it.")
@STAFF
def remove(name: str, reason: str, confirmed: str, staff: str) -> None:
    """Send nothing to a channel any more, and forget its address; without --yes only say so.

    What was sent stays in the ledger.
    """
    from service.db import utcnow
    from service.subscriptions import channel_removal

    with changing(name, staff) as (session, runtime, actor, row):
        lost = channel_removal.loss(session, row.id)
        if confirmed:
            held = (session, runtime.vault, actor, row, utcnow())
            channel_removal.remove(*held, confirmed=confirmed, reason=reason)
    does = "ends" if confirmed else "would end"
    click.echo(f"It {does} {lost.subscriptions} subscriptions; {lost.unsent} messages are unsent.")
    click.echo(f"Channel {name} is removed." if confirmed else "Nothing was done; see --yes.")


def await_test(batch: Batch, wait_s: int, look: Callable[[Session], LastTest | None]) -> None:
    """Ring for a test, and show what was answered within so many seconds; a test that was refused
    ends the command with 1."""
    from service.ledger.batches import ring_batch

    with opened_runtime() as runtime:
        ring_batch(runtime.doorbell, batch)
        until = time.monotonic() + wait_s
        while True:
            with runtime.db.read() as session:
                found = look(session)
            assert found is not None, "it was queued before"
            if found.state != "queued" or time.monotonic() >= until:
                break
            time.sleep(LOOK_EVERY_S)
    click.echo(said(found))
    if found.state not in ("sent", "queued"):
        raise SystemExit(1)


def _answer(code: str, detail: str) -> str:
    """A code that the text names too is said once."""
    return detail if code and code in detail.split() else f"{code} {detail}".strip()


def said(test: LastTest) -> str:
    """The outcome of a test, the answer, and how long it took."""
    words = [test.state, *(_answer(one.code, one.detail) for one in test.answers[:1])]
    if test.found.said and test.state == "sent":
        words.append(test.found.said)
    if test.found.message_id:
        words.append(f"message {test.found.message_id}")
    if test.answered_in is not None:
        words.append(f"answered in {test.answered_in.total_seconds():.1f} s")
    words += [f"after {test.took.total_seconds():.1f} s"] if test.took is not None else []
    return ", ".join(words)
