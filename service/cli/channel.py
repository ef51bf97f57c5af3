"""`tellal channel`: public chat rooms and webhooks of the city."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from service.cli.channel_address import address
from service.cli.channel_change import (
    changing,
    edit,
    pause,
    refusals,
    remove,
    resume,
    said,
    test,
    try_again,
)
from service.cli.channel_hearing import OPTIONS, hearing, in_words
from service.cli.channel_preview import preview
from service.cli.channel_webhook import deliveries, replay, secret
from service.cli.opened import opened_runtime
from service.cli.source_options import STAFF, actor_of

if TYPE_CHECKING:
    from service.models import Place, Topic


@click.group()
def channel() -> None:
    """Manage chat rooms and webhooks."""


for command in (
    edit,
    test,
    pause,
    resume,
    try_again,
    address,
    remove,
    preview,
    secret,
    deliveries,
    replay,
):
    channel.add_command(command)


@channel.command(name="list")
def list_() -> None:
    """List the channels with their masked address, and why one is paused."""
    from service.subscriptions.channels import list_channels, paused

    with opened_runtime() as runtime, runtime.db.read() as session:
        reasons = paused(session)
        for row in list_channels(session):
            why = f"  paused: {_why(reasons[row.id])}" if row.id in reasons else ""
            click.echo(f"{row.name}  {row.masked_url}{why}")


@channel.command()
@click.argument("name")
def show(name: str) -> None:
    """Show what a channel hears of, and what became of its last test message."""
    from service.subscriptions import channels
    from service.subscriptions.channel_missed import missed
    from service.subscriptions.channel_tests import last_test

    with refusals(), opened_runtime() as runtime, runtime.db.read() as session:
        row = channels.channel_named(session, name)
        topics, places = channels.choices_of(session, row.id)
        options = channels.options_of_channel(session, row.id)
        click.echo(f"address: {row.masked_url}")
        if row.next_masked_url:
            click.echo(f"address to follow: {row.next_masked_url}")
        click.echo(f"link: {row.public_url or 'none'}")
        click.echo(f"language: {options.language}")
        click.echo(f"topics: {_named(topics, 'all')}")
        click.echo(f"districts: {_named(places, 'the whole city')}")
        click.echo(f"hears: {in_words(options)}")
        click.echo(f"paused: {_why(channels.paused(session).get(row.id, 'no'))}")
        if (lost := missed(session, row)).count:
            click.echo(f"not told since it paused itself: {lost.count} messages")
        if test := last_test(session, row.id):
            click.echo(f"last test: {said(test)}")


@channel.command()
@click.argument("name")
@click.argument("url")
@click.option("--topic", "topics", multiple=True, help="Slug; may be repeated. None: all topics.")
@click.option("--place", "places", multiple=True, help="Slug; may be repeated. None: whole city.")
@click.option("--public-url", default="", help="Where citizens join it; pages link to it.")
@click.option("--language", default="", help="Of its messages [default: the city's first].")
@OPTIONS
@STAFF
def add(
    name: str,
    url: str,
    topics: tuple[str, ...],
    places: tuple[str, ...],
    public_url: str,
    language: str,
    staff: str,
    **options: Any,
) -> None:
    """Add a channel by its Apprise URL, which is stored encrypted.

    As in: tellal channel add "İklim odası" "slack://token_a/token_b/token_c" --topic iklim-cevre
    """
    from service.subscriptions import channel_acts
    from service.subscriptions.chat_schemes import WEBHOOKS

    with refusals(), opened_runtime() as runtime, runtime.db.write() as session:
        row = channel_acts.add(
            *(session, runtime.vault, runtime.settings, actor_of(session, staff)),
            name=name,
            url=url,
            topics=list(topics),
            places=places,
            public_url=public_url,
            language=language,
            **hearing(options),
        )
        shown, is_webhook = row.masked_url, row.scheme in WEBHOOKS
    click.echo(f"Channel {name} added: {shown}")
    if is_webhook:
        click.echo(f'Nothing is sent there before: tellal channel secret "{name}"')


@channel.command()
@click.argument("name")
@click.argument("public_url", default="")
@STAFF
def link(name: str, public_url: str, staff: str) -> None:
    """Say where citizens can join a channel (https://…), or, without an address, nowhere.

    As in: tellal channel link "Haber kanalı" https://t.me/ornek
    """
    from service.subscriptions import channel_acts

    with changing(name, staff) as (session, runtime, actor, row):
        held = (session, runtime.vault, runtime.settings, actor, row)
        channel_acts.change(*held, public_url=public_url)
    click.echo(f"Channel {name} is shown to citizens." if public_url else f"Channel {name} hidden.")


def _why(reason: str) -> str:
    """The reason of a pause, which stands behind that word already."""
    return reason.removeprefix("paused ")


def _named(found: Sequence[Topic] | Sequence[Place] | None, otherwise: str) -> str:
    return otherwise if found is None else ", ".join(one.slug for one in found) or "none"
