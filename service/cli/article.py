"""`tellal article`: what staff may do to one article that the CMS does not say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import NUMBER, STAFF, acting
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.models import Article, NotificationKind

FORGOTTEN = "Nobody is told: it is so old that the ledger no longer knows who was told of it."
_NOTE = click.option("--note", default="", help="What readers are told of the reason.")


@click.group()
def article() -> None:
    """Correct, withdraw, publish again or release one article, by its number."""


@article.command()
@click.argument("article_id", type=NUMBER)
@_NOTE
@STAFF
def correct(article_id: int, note: str, staff: str) -> None:
    """Tell those who got an older text of ARTICLE_ID that it was corrected."""
    from service.models import NotificationKind, Revision

    with _acting(article_id, staff, "article.correct", note=note) as (session, row):
        if row.state != "published":
            raise Refusal(f"article {article_id} is withdrawn; there is nothing to correct")
        if session.get_one(Revision, row.revision_id).state == "quarantined":
            raise Refusal(
                f"the newest text of article {article_id} arrived damaged and is told to nobody;"
                " have its CMS send it again, or release it by `tellal review release`"
            )
        if row.is_commercial:
            raise Refusal(f"article {article_id} is advertising by now, which is told to nobody")
        is_made = _follow_up(session, row, NotificationKind.CORRECTION, note)
        is_forgotten = _is_forgotten(session, row)
    if is_made:
        click.echo(f"Those who got an older text of article {article_id} will be told.")
    elif is_forgotten:
        click.echo(FORGOTTEN)
    else:
        click.echo("Nobody was told of it: there is nobody to be told.")


@article.command()
@click.argument("article_id", type=NUMBER)
@click.option("--tell", is_flag=True, help="Tell those who got it that it was withdrawn.")
@_NOTE
@STAFF
def withdraw(article_id: int, tell: bool, note: str, staff: str) -> None:
    """Take ARTICLE_ID back, whatever its CMS sends: nothing more is sent, it leaves the feeds."""
    from service.db import utcnow
    from service.ledger import publish
    from service.models import NotificationKind

    is_made = False
    with _acting(article_id, staff, "article.withdraw", tell=tell, note=note) as (session, row):
        publish.withhold(session, row, utcnow())
        if tell:
            is_made = _follow_up(session, row, NotificationKind.WITHDRAWAL, note)
        is_forgotten = _is_forgotten(session, row)
    click.echo(f"Article {article_id} is withdrawn.")
    if tell:
        click.echo(_told(is_made, is_forgotten))


@article.command()
@click.argument("article_id", type=NUMBER)
@click.option("--tell", is_flag=True, help="Tell those who got it that it is back.")
@_NOTE
@STAFF
def republish(article_id: int, tell: bool, note: str, staff: str) -> None:
    """Publish ARTICLE_ID again, with its newest text, after staff withdrew it."""
    from service.db import utcnow
    from service.ingest import republishing
    from service.models import NotificationKind

    is_made = False
    with _acting(article_id, staff, "article.republish", tell=tell, note=note) as (session, row):
        try:
            is_back = republishing.republish(session, row, utcnow())
        except republishing.RepublishError as error:
            raise Refusal(f"article {article_id}: {error}") from error
        if is_back and tell:
            is_made = _follow_up(session, row, NotificationKind.CORRECTION, note)
        is_forgotten = _is_forgotten(session, row)
    if not is_back:
        click.echo(f"Article {article_id}: its CMS withdrew it too, and can publish it again now.")
        return
    click.echo(f"Article {article_id} is published again.")
    if tell:
        click.echo(_told(is_made, is_forgotten))


@article.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def approve(article_id: int, staff: str) -> None:
    """Let an urgent ARTICLE_ID break quiet hours and digests; two people must do so."""
    from sqlalchemy import select

    from service.db import utcnow
    from service.ledger.approve import ApprovalError
    from service.ledger.approve import approve as give
    from service.models import Notification, NotificationKind, Staff

    with _acting(article_id, staff, "article.approve") as (session, row):
        notification_id = session.scalar(
            select(Notification.id)
            .where(Notification.article_id == row.id, Notification.kind == NotificationKind.NEW)
            .order_by(Notification.id.desc())
        )
        if notification_id is None:
            raise Refusal(f"article {article_id} has no notification")
        who = session.scalars(select(Staff.id).where(Staff.email == staff)).one()
        try:
            missing = give(session, notification_id, who, utcnow())
        except ApprovalError as error:
            raise Refusal(str(error)) from error
    click.echo("One more approval is needed." if missing else "It goes to everybody now.")


@contextmanager
def _acting(
    article_id: int, staff: str, act: str, **detail: Any
) -> Iterator[tuple[Session, Article]]:
    """One transaction with the locked article."""
    from service.models import Article

    with acting(staff, act, article_id, **detail) as session:
        row = session.get(Article, article_id, with_for_update=True)
        if row is None:
            raise Refusal(f"there is no article {article_id}")
        yield session, row


def _follow_up(session: Session, row: Article, kind: NotificationKind, note: str) -> bool:
    from service.db import utcnow
    from service.ledger.followup import follow

    return follow(session, row, kind, note, utcnow(), "") is not None


def _is_forgotten(session: Session, row: Article) -> bool:
    from service.ledger.followup import is_forgotten

    return is_forgotten(session, row.id)


def _told(is_made: bool, is_forgotten: bool) -> str:
    if is_made:
        return "Those who got it will be told."
    return FORGOTTEN if is_forgotten else "There is nobody to be told."
