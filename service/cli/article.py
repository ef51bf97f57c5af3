"""`tellal article`: what staff may do to one article that the CMS does not say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER, STAFF, doing
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.admin.article_acts import Told

FORGOTTEN = "Nobody is told: it is so old that the ledger no longer knows who was told of it."
# The figures of `who-would-be-told` as they are printed.
_FIGURES = {
    "planned": "Planned in all",
    "sent": "  at once",
    "quiet": "  after their quiet hours",
    "break": "  not: on a break",
    "paused": "  not: paused",
    "suppressed": "  not: address suppressed",
    "told_by_story": "Not: told by another article of its story",
    "daily": "Later, in a daily summary",
    "weekly": "Later, in a weekly summary",
    "refused": "Readers who asked for it",
}
_NOBODY = {
    "withdrawn": "it is withdrawn",
    "commercial": "it is advertising",
    "cancelled": "it was cancelled",
    "late": "its story is so old that the ledger no longer knows who was told",
}
_NOTE = click.option("--note", default="", help="What readers are told of the reason.")
_REASON = click.option("--reason", default="", help="Why, for the log of acts.")
_WHY = click.option("--reason", required=True, help="Why, for the log of acts.")


@click.group()
def article() -> None:
    """Hold, release, correct, withdraw or publish again one article, by its number."""


@article.command()
@click.argument("article_id", type=NUMBER)
@_NOTE
@_REASON
@STAFF
def correct(article_id: int, note: str, reason: str, staff: str) -> None:
    """Tell those who got an older text of ARTICLE_ID that it was corrected."""
    from service.admin import article_acts
    from service.admin.article_acts import Told

    with doing(staff) as doer:
        told = article_acts.correct(doer, article_id, note=note, reason=reason)
    if told is Told.WILL_BE:
        click.echo(f"Those who got an older text of article {article_id} will be told.")
        click.echo("Who has the newest text is not told: the CMS sends a new one first.")
    elif told is Told.FORGOTTEN:
        click.echo(FORGOTTEN)
    else:
        click.echo("Nobody was told of it: there is nobody to be told.")


@article.command()
@click.argument("article_id", type=NUMBER)
@click.option("--tell", is_flag=True, help="Tell those who got it that it was withdrawn.")
@_NOTE
@_REASON
@STAFF
def withdraw(article_id: int, tell: bool, note: str, reason: str, staff: str) -> None:
    """Take ARTICLE_ID back, whatever its CMS sends: nothing more is sent, it leaves the feeds."""
    from service.admin import article_acts

    with doing(staff) as doer:
        told = article_acts.withdraw(doer, article_id, tell=tell, note=note, reason=reason)
    click.echo(f"Article {article_id} is withdrawn.")
    if told is not None:
        click.echo(_told(told))


@article.command()
@click.argument("article_id", type=NUMBER)
@click.option("--tell", is_flag=True, help="Tell those who got it that it is back.")
@_NOTE
@_REASON
@STAFF
def republish(article_id: int, tell: bool, note: str, reason: str, staff: str) -> None:
    """Publish ARTICLE_ID again, with its newest text, after staff withdrew it."""
    from service.admin import article_acts

    with doing(staff) as doer:
        is_back, told = article_acts.republish(
            doer, article_id, tell=tell, note=note, reason=reason
        )
    if not is_back:
        click.echo(f"Article {article_id}: its CMS withdrew it too, and can publish it again now.")
        return
    click.echo(f"Article {article_id} is published again.")
    if told is not None:
        click.echo(_told(told))


@article.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def approve(article_id: int, staff: str) -> None:
    """Let an urgent ARTICLE_ID break quiet hours and digests; TELLAL_URGENT_APPROVALS people must
    do so."""
    from service.admin import article_acts

    with doing(staff) as doer:
        missing = article_acts.approve(doer, article_id)
    if missing:
        more = "One more approval is" if missing == 1 else f"{missing} more approvals are"
        click.echo(f"{more} needed.")
    else:
        click.echo("It goes to everybody now.")


@article.command()
@click.argument("article_id", type=NUMBER)
@click.option("--minutes", type=click.IntRange(1, 7 * 24 * 60), required=True)
@_WHY
@STAFF
def hold(article_id: int, minutes: int, reason: str, staff: str) -> None:
    """Keep back the held news of ARTICLE_ID for so many minutes from now."""
    from service.admin import article_acts

    with doing(staff) as doer:
        until = article_acts.hold(doer, article_id, minutes=minutes, reason=reason)
    click.echo(f"Article {article_id} is held until {until:%Y-%m-%d %H:%M} UTC.")


@article.command()
@click.argument("article_id", type=NUMBER)
@_WHY
@STAFF
def release(article_id: int, reason: str, staff: str) -> None:
    """Let the held news of ARTICLE_ID go now."""
    from service.admin import article_acts

    with doing(staff) as doer:
        article_acts.release(doer, article_id, reason=reason)
    click.echo(f"Article {article_id} is on its way.")


@article.command()
@click.argument("article_id", type=NUMBER)
@_WHY
@STAFF
def reclassify(article_id: int, reason: str, staff: str) -> None:
    """Have the newest text of ARTICLE_ID classified once more that was given up."""
    from service.admin import article_acts

    with doing(staff) as doer:
        article_acts.reclassify(doer, article_id, reason=reason)
    click.echo(f"Article {article_id} will be classified again.")


@article.command("who-would-be-told")
@click.argument("article_id", type=NUMBER)
@click.option("--topic", "topics", multiple=True, help="What if also this topic, by its slug.")
def who_would_be_told(article_id: int, topics: tuple[str, ...]) -> None:
    """Count whom the news of ARTICLE_ID would go to now, and send nothing."""
    from sqlalchemy import select

    from service.ledger.refused import Refused
    from service.ledger.whom import ask, count_all
    from service.models import Topic

    with opened_runtime() as runtime, runtime.db.read() as session:
        found = session.scalars(select(Topic.id).where(Topic.slug.in_(topics))).all()
        if len(found) != len(set(topics)):
            raise Refusal("there is no such topic; see `tellal topic list`")
        try:
            figures = count_all(session, ask(session, article_id, found), runtime.settings.timezone)
        except Refused as error:
            raise Refusal(str(error)) from error
    if figures.reason:
        click.echo(f"Nobody would be told: {_NOBODY[figures.reason]}.")
    summary = figures.summary()
    width = max(map(len, _FIGURES.values()))
    for name, words in _FIGURES.items():
        click.echo(f"{words:<{width}}  {summary[name]:>9,}")


def _told(told: Told) -> str:
    texts = {
        "will_be": "Those who got it will be told.",
        "nobody": "There is nobody to be told.",
        "forgotten": FORGOTTEN,
    }
    return texts[told]
