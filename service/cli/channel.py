"""`tellal channel`: public chat rooms and webhooks of the city."""

from __future__ import annotations

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal


@click.group()
def channel() -> None:
    """Manage chat rooms and webhooks."""


@channel.command(name="list")
def list_() -> None:
    """List the channels with their masked address, and why one is paused."""
    from service.subscriptions.channels import list_channels, paused

    with opened_runtime() as runtime, runtime.db.read() as session:
        reasons = paused(session)
        for row in list_channels(session):
            why = f"  paused: {reasons[row.id]}" if row.id in reasons else ""
            click.echo(f"{row.name}  {row.masked_url}{why}")


@channel.command()
@click.argument("name")
@click.argument("url")
@click.option("--topic", "topics", multiple=True, help="Slug; may be repeated. None: all topics.")
@click.option("--place", "places", multiple=True, help="Slug; may be repeated. None: whole city.")
@click.option("--public-url", default="", help="Where citizens join it; pages link to it.")
def add(
    name: str, url: str, topics: tuple[str, ...], places: tuple[str, ...], public_url: str
) -> None:
    """Add a channel by its Apprise URL, which is stored encrypted.

    As in: tellal channel add "İklim odası" "slack://token_a/token_b/token_c" --topic iklim-cevre
    """
    from service.subscriptions.channels import ChannelError, add_channel

    with opened_runtime() as runtime:
        try:
            with runtime.db.write() as session:
                row = add_channel(
                    session,
                    runtime.vault,
                    runtime.settings,
                    name=name,
                    url=url,
                    topic_slugs=list(topics),
                    place_slugs=places,
                    public_url=public_url,
                )
                shown = row.masked_url
        except ChannelError as error:
            raise Refusal(str(error)) from error
    click.echo(f"Channel {name} added: {shown}")


@channel.command()
@click.argument("name")
@click.argument("public_url", default="")
def link(name: str, public_url: str) -> None:
    """Say where citizens can join a channel (https://…), or, without an address, nowhere.

    As in: tellal channel link "Haber kanalı" https://t.me/ornek
    """
    from service.subscriptions.channels import ChannelError, set_public_url

    with opened_runtime() as runtime:
        try:
            with runtime.db.write() as session:
                set_public_url(session, name, public_url)
        except ChannelError as error:
            raise Refusal(str(error)) from error
    click.echo(f"Channel {name} is shown to citizens." if public_url else f"Channel {name} hidden.")
