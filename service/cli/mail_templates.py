"""`tellal mail templates`: what letters are written by, published in versions."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.acting import STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

REASON = click.option("--reason", required=True, help="Why, for the log of acts.")
VERSION = click.IntRange(1, 2**31 - 1)


@click.group()
def templates() -> None:
    """List, show, publish and roll back the templates of letters.

    A published version goes before a file in config/mail. Each is tried first as by
    `tellal mail check`, and letters are written by it within seconds.
    """


@templates.command("list")
def list_() -> None:
    """List the files that letters are made of, and what is in use of each."""
    from service.messages.publishing import current_versions, paper_in_use

    with opened_runtime() as runtime, runtime.db.read() as session:
        paper = paper_in_use(session, runtime.settings)
        current = current_versions(session)
    for name in paper.names:
        row = current.get(name)
        where = "config/mail" if name in paper.replaced else "as shipped"
        used = f"version {row.version}" if row is not None and row.text is not None else where
        click.echo(f"{name}\t{used}")


@templates.command()
@click.argument("name")
@click.option("--version", type=VERSION, help="Else the text in use.")
def show(name: str, version: int | None) -> None:
    """Print a template."""
    from service.messages.publishing import one_version, paper_in_use

    with opened_runtime() as runtime, runtime.db.read() as session:
        paper = paper_in_use(session, runtime.settings)
        if name not in paper.names:
            raise Refusal(f"no letter uses a template {name!r}")
        if version is None:
            click.echo(paper.source(name), nl=False)
            return
        row = one_version(session, name, version)
    if row is None:
        raise Refusal(f"{name} has no version {version}")
    click.echo(paper.installed(name) if row.text is None else row.text, nl=False)


@templates.command()
@click.argument("name")
def history(name: str) -> None:
    """List the versions of a template, the newest first."""
    from service.messages.publishing import versions_of

    with opened_runtime() as runtime, runtime.db.read() as session:
        rows = versions_of(session, name, None, 1_000)
    for row in rows:
        what = "back to the file" if row.text is None else f"{len(row.text):,} characters"
        click.echo(
            f"{row.version}\t{row.published_at:%Y-%m-%d %H:%M} UTC\tby staff {row.published_by}"
            f"\t{what}\t{row.reason}"
        )
    if not rows:
        click.echo("No version has been published.")


@templates.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="The template that it replaces, where the file is called otherwise.")
@REASON
@STAFF
def publish(file: Path, name: str | None, reason: str, staff: str) -> None:
    """Publish FILE, as in: tellal mail templates publish article.html --reason "New slogan" …"""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{file} is not UTF-8") from error
    _publish(name or file.name, text, reason, staff)


@templates.command()
@click.argument("name")
@click.option("--version", type=VERSION, help="Else the file of the installation.")
@REASON
@STAFF
def restore(name: str, version: int | None, reason: str, staff: str) -> None:
    """Put an older version into use again, or the file of the installation."""
    from service.messages.publishing import one_version

    text = None
    if version is not None:
        with opened_runtime() as runtime, runtime.db.read() as session:
            row = one_version(session, name, version)
        if row is None:
            raise Refusal(f"{name} has no version {version}")
        text = row.text
    _publish(name, text, reason, staff)


def _publish(name: str, text: str | None, reason: str, staff: str) -> None:
    from service import acts
    from service.db import utcnow
    from service.messages import publishing

    with opened_runtime() as runtime, runtime.db.write() as session:
        actor = actor_named(session, staff)
        try:
            made = publishing.publish(
                session,
                runtime.settings,
                runtime.vault,
                name,
                text,
                base=None,
                reason=reason,
                staff_id=actor.staff_id,
                now=utcnow(),
            )
        except publishing.PublishError as error:
            raise Refusal(str(error)) from error
        detail = publishing.told(made)
        acts.record(session, runtime.vault, actor, "template.publish", made.id, **detail)
    click.echo(f"Published: {name}, version {made.version}")
