"""`tellal story`: articles that were taken for the same event, and why."""

from __future__ import annotations

import click

from service.cli.acting import NUMBER, STAFF
from service.cli.opened import opened_runtime
from service.cli.review import decided


@click.group()
def story() -> None:
    """See and undo links between articles that tell the same event."""


@story.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def list_(limit: int) -> None:
    """List the latest links: which article repeats which, and why."""
    from sqlalchemy import select

    from service.models import StoryLink

    with opened_runtime() as runtime, runtime.db.read() as session:
        links = session.scalars(
            select(StoryLink).order_by(StoryLink.linked_at.desc()).limit(limit)
        ).all()
    for link in links:
        why = link.evidence
        click.echo(
            f"{link.article_id} repeats {link.earlier_id}\t{why['measure']} {why['value']:.2f}, "
            f"{why['shared']} word triples" + ("\tsplit by staff" if link.split_at else "")
        )
    if not links:
        click.echo("No article was linked to another.")


@story.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def split(article_id: int, staff: str) -> None:
    """Let ARTICLE_ID be a story of its own; whoever was spared it, or another for it, is told."""
    tells = decided(article_id, "split", staff)
    click.echo(f"Article {article_id} is a story of its own.")
    if tells:
        click.echo("Those who were spared one of them because of another will be told.")
