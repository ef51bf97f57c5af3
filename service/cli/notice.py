"""`tellal notice`: the texts that people agree to or are told of, in versions."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.acting import STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

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
@click.option(
    "--from",
    "day",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]),
    help="Show it from this day (UTC) on; else at once.",
)
@STAFF
def publish(kind: str, language: str, file: Path, day: datetime | None, staff: str) -> None:
    """Publish FILE as the next version; pages show it at once, and older ones stay as proof.

    A notice is simple HTML (headings, paragraphs, lists, links) or plain paragraphs parted by empty
    lines. The others are one sentence; that of `abroad` names the sender as {provider}.
    """
    from service import acts
    from service.db import utcnow
    from service.models import NoticeKind
    from service.subscriptions import notices

    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refusal(f"{file} is not UTF-8") from error
    at = None if day is None else day.replace(tzinfo=UTC)
    with opened_runtime() as runtime, runtime.db.write() as session:
        actor = actor_named(session, staff)
        try:
            (made,) = notices.publish_all(
                session, NoticeKind(kind), {language: text}, actor.staff_id, at, utcnow()
            )
        except notices.NoticeError as error:
            raise Refusal(str(error)) from error
        detail = notices.told([made])
        acts.record(session, runtime.vault, actor, "notice.publish", made.id, **detail)
    click.echo(f"Published: {_line(made)}")


@notice.command()
@click.option("--kind", type=KINDS, required=True)
@click.option("--language", type=LANGUAGES, required=True)
@click.argument("before", type=click.IntRange(1, 2**31 - 1))
@click.argument("after", type=click.IntRange(1, 2**31 - 1))
def diff(kind: str, language: str, before: int, after: int) -> None:
    """Print what differs between two versions, as in: tellal notice diff --kind notice 1 2"""
    import difflib

    from service.models import NoticeKind
    from service.subscriptions.notices import one_version

    texts = []
    with opened_runtime() as runtime, runtime.db.read() as session:
        for version in (before, after):
            found = one_version(session, NoticeKind(kind), language, version)
            if found is None:
                raise Refusal(f"there is no version {version} of {kind} in {language!r}")
            texts.append(found.text.splitlines())
    names = (f"version {before}", f"version {after}")
    for line in difflib.unified_diff(texts[0], texts[1], *names, lineterm=""):
        click.echo(line)


def _line(one: NoticeText) -> str:
    who = "with the software" if one.published_by is None else f"by staff {one.published_by}"
    return (
        f"{one.kind}\t{one.language}\tversion {one.version}"
        f"\t{one.published_at:%Y-%m-%d %H:%M} UTC\t{who}\t{one.text_hash[:16]}"
    )
