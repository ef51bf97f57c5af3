"""`tellal channel preview`: what a channel would be sent about the newest article."""

from __future__ import annotations

import click

from service.cli.channel_change import refusals
from service.cli.opened import opened_runtime


@click.command()
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["new", "correction", "withdrawal"]),
    default="new",
    show_default=True,
    help="What the message tells: the article, that it was corrected, or withdrawn.",
)
def preview(name: str, kind: str) -> None:
    """Show the newest article as a channel would be sent it, letter by letter; nothing is sent.

    As in: tellal channel preview "İklim odası" --kind correction
    """
    from service.subscriptions.channel_preview import preview_for
    from service.subscriptions.channels import channel_named

    with refusals(), opened_runtime() as runtime, runtime.db.read() as session:
        row = channel_named(session, name)
        found = preview_for(session, runtime.settings, row, kind)
        masked = row.masked_url
    if found.problem:
        click.echo(f"{found.problem}. The program's own template is used instead:\n", err=True)
    about = f"article {found.article_id}" if found.article_id else "a made-up article"
    limit = f" of {found.longest:,}" if found.longest is not None else ""
    click.echo(f"To: {masked}, written as {found.form}, language {found.language}")
    click.echo(f"About: {about}")
    click.echo(f"Size: {found.size:,}{limit} {found.unit}")
    click.echo(f"\n{found.text}")
