"""`tellal notice`: the texts that people agree to or are told of, in versions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.acting import STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.models import NoticeText

KINDS = click.Choice(("notice", "consent", "abroad"))
LANGUAGES = click.Choice(("tr", "en"))


@click.group()
def notice() -> None:
    """List, show and publish the privacy notice and the sentences of consent."""


@notice.command("list")
def list_() -> None:
    """List all versions, the newest of each text first: that is the one shown."""
    from service.subscriptions.notices import versions

    with opened_runtime() as runtime, runtime.db.read() as session:
        for one in versions(session):
            click.echo(_line(one))


@notice.command()
@click.option("--kind", type=KINDS, required=True)
@click.option("--language", type=LANGUAGES, required=True)
@click.option("--version", type=click.IntRange(1, 2**31 - 1), help="Else the one shown now.")
def show(kind: str, language: str, version: int | None) -> None:
    """Print a text as it is stored."""
    from service.models import NoticeKind
    from service.subscriptions.notices import current, one_version

    with opened_runtime() as runtime, runtime.db.read() as session:
        if version is None:
            found: NoticeText | None = current(session, NoticeKind(kind), language)
        else:
            found = one_version(session, NoticeKind(kind), language, version)
    if found is None:
        raise Refusal(f"there is no version {version} of {kind} in {language!r}")
    click.echo(found.text)


@notice.command()
@click.option("--kind", type=KINDS, required=True)
@click.option("--language", type=LANGUAGES, required=True)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@STAFF
def publish(kind: str, language: str, file: Path, staff: str) -> None:
    """Publish FILE as the next version; pages show it at once, and older ones stay as proof.

    A notice is simple HTML (headings, paragraphs, lists, links) or plain paragraphs parted by empty
    lines. The others are one sentence; that of `abroad` names the sender as {provider}.
    """
    from sqlalchemy import select

    from service.db import utcnow
    from service.models import NoticeKind, Staff
    from service.subscriptions.notices import NoticeError
    from service.subscriptions.notices import publish as publish_text

    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{file} is not UTF-8") from error
    with acting(staff, "notice.publish", None, kind=kind, language=language) as session:
        who = session.scalars(select(Staff.id).where(Staff.email == staff)).one()
        try:
            made = publish_text(session, NoticeKind(kind), language, text, who, utcnow())
        except NoticeError as error:
            raise Refusal(str(error)) from error
    click.echo(f"Published: {_line(made)}")


def _line(one: NoticeText) -> str:
    who = "with the software" if one.published_by is None else f"by staff {one.published_by}"
    return (
        f"{one.kind}\t{one.language}\tversion {one.version}"
        f"\t{one.published_at:%Y-%m-%d %H:%M} UTC\t{who}\t{one.text_hash[:16]}"
    )
