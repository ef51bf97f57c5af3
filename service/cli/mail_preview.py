"""`tellal mail preview` and `tellal mail check`: letters before anybody gets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session

    from service.messages.email import Letterhead
    from service.messages.letter import Letter
    from service.messages.story import Story
    from service.runtime import Runtime

SHOWN = ("From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe")
SUFFIXES = (".eml", ".html", ".txt")


@click.command()
@click.argument("what", metavar="[ARTICLE|digest]", required=False)
@click.option("--language", type=click.Choice(["tr", "en"]), default="tr", show_default=True)
@click.option(
    "--kind",
    type=click.Choice(["new", "correction", "withdrawal"]),
    default="new",
    show_default=True,
    help="What the letter tells: the article, that it was corrected, or withdrawn.",
)
@click.option(
    "--letter",
    "template",
    metavar="NAME",
    help="One of the service's own letters, such as confirm or sign_in, in place of an ARTICLE.",
)
@click.option("--weekly", is_flag=True, help="Of a digest: the week's, not the day's.")
@click.option("--note", default="", help="What a correction or withdrawal says of its reason.")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the whole letter (.eml), or one of its parts (.html, .txt).",
)
def preview(
    what: str | None,
    language: str,
    kind: str,
    template: str | None,
    weekly: bool,
    note: str,
    out: Path | None,
) -> None:
    """Show the letter about ARTICLE, byte for byte as a reader gets it, or, for the word `digest`,
    the digest of the newest articles to somebody who asked for everything.

    It is made out to reader@example.com, and its links are of no effect. A signature, where a key
    is set, is added as the letter leaves.
    """
    if out is not None and out.suffix not in SUFFIXES:
        raise Refusal(f"{out} must end in .eml, .html or .txt")
    if (what is None) == (template is None):
        raise Refusal("name an ARTICLE, or one of the service's own letters by --letter")
    with opened_runtime() as runtime, runtime.db.read() as session:
        if template is not None:
            letter = _own_letter(runtime, template, language)
        elif what == "digest":
            letter = _digest(runtime, session, language, weekly=weekly)
        else:
            number = int(NUMBER(what))
            letter = _letter(runtime, told_story(session, number, kind, note), language)
    if out is None:
        _show(letter)
        return
    from service.messages.preview import parts

    text, html = parts(letter)
    content = {".eml": letter.as_bytes(), ".html": html.encode(), ".txt": text.encode()}
    try:
        out.write_bytes(content[out.suffix])
    except OSError as error:
        raise Refusal(f"{out} cannot be written: {error.strerror}") from error
    click.echo(f"{out}: {len(content[out.suffix]):,} bytes")


@click.command()
def check() -> None:
    """Try the templates in use, published and in config/mail, with letters of every kind, and say
    what is wrong."""
    from service.messages.preview import problems
    from service.messages.publishing import paper_in_use

    with opened_runtime() as runtime:
        folder = runtime.settings.config_dir / "mail"
        with runtime.db.read() as session:
            paper = paper_in_use(session, runtime.settings)
        found = list(problems(runtime.settings, runtime.vault, paper))
    for problem in found:
        click.echo(problem)
    if found:
        raise Refusal(f"{folder}: until that is mended, the program's own templates are used")
    click.echo("Every kind of letter can be written.")


def told_story(session: Session, article_id: int, kind: str, note: str) -> Story:
    """What a notification of this kind would tell of an article.

    Raises:
        Refusal: there is no such article, or nothing of it to tell yet.
    """
    from service.messages.story import tell
    from service.models import Article, Notification, NotificationKind

    article = session.get(Article, article_id)
    if article is None:
        raise Refusal(f"there is no article {article_id}")
    if article.shown_revision_id is None:
        raise Refusal(f"article {article_id} has no text yet that was classified")
    made_up = Notification(
        kind=NotificationKind(kind),
        article_id=article_id,
        payload={"note": note},
        is_urgent=article.is_urgent,
    )
    return tell(session, made_up)


def _own_letter(runtime: Runtime, template: str, language: str) -> Letter:
    """One of the service's own letters."""
    from service.messages.email import SERVICE_LETTERS
    from service.messages.preview import service_preview

    if template not in SERVICE_LETTERS:
        raise Refusal(f"there is no letter {template}; there are: {', '.join(SERVICE_LETTERS)}")
    now = _now()
    return _best(runtime, lambda house: service_preview(house, template, language, now))


def _digest(runtime: Runtime, session: Session, language: str, *, weekly: bool) -> Letter:
    from service.messages.digest_preview import newest, preview_digest
    from service.models import Frequency

    told = newest(session)
    if not told.items:
        raise Refusal("there is no article yet that was classified and published")
    frequency = Frequency.WEEKLY if weekly else Frequency.DAILY
    now = _now()
    return _best(
        runtime, lambda house: preview_digest(session, house, told, frequency, language, now)
    )


def _letter(runtime: Runtime, story: Story, language: str) -> Letter:
    from service.messages.preview import preview as letter_to_nobody

    now = _now()
    return _best(runtime, lambda house: letter_to_nobody(house, story, language, now))


def _now() -> datetime:
    from service.db import utcnow

    return utcnow()


def _best(runtime: Runtime, write: Callable[[Letterhead], Letter]) -> Letter:
    """As readers get it; what is wrong with the staff's templates is said beside it."""
    from service.messages.email import Letterhead
    from service.messages.publishing import paper_in_use
    from service.messages.stationery import TemplateError

    settings, vault = runtime.settings, runtime.vault
    with runtime.db.read() as session:
        paper = paper_in_use(session, settings)
    try:
        return write(Letterhead(settings, vault, paper, is_strict=True))
    except TemplateError as error:
        click.echo(f"{error}. Readers get the program's own template instead:\n", err=True)
    return write(Letterhead(settings, vault, paper))


def _show(letter: Letter) -> None:
    from email import message_from_bytes
    from email.policy import default

    from service.messages.preview import parts

    raw = letter.as_bytes()
    headers = message_from_bytes(raw, policy=default)
    for name in filter(headers.__contains__, SHOWN):
        click.echo(f"{name}: {headers[name]}")
    text, html = parts(letter)
    click.echo(
        f"Size: {len(raw):,} bytes; text {len(text.encode()):,}, HTML {len(html.encode()):,} "
        "(mailboxes cut at 102,000)\n"
    )
    click.echo(text)
