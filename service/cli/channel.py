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
def add(name: str, url: str, topics: tuple[str, ...], places: tuple[str, ...]) -> None:
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
                )
                shown = row.masked_url
        except ChannelError as error:
            raise Refusal(str(error)) from error
    click.echo(f"Channel {name} added: {shown}")
