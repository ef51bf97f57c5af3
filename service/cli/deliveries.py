"""`tellal deliveries`: stop sending for a while or for good, go on, and resend what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import NUMBER, STAFF, doing
from service.cli.halt_target import find_target, target_options, words_of
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.models import Article, Notification

_REASON = click.option("--reason", required=True, help="Why, for the audit log and `status`.")
_YES = click.option("--yes", is_flag=True, help="Do not ask.")
MAX_LISTED = 20


@click.group()
def deliveries() -> None:
    """Pause, resume or cancel what is unsent; resend an article to those who did not get it."""


@deliveries.command()
@click.option("--article", type=NUMBER, help="Count this article's deliveries.")
def status(article: int | None) -> None:
    """Say what is paused, how much waits for that, and what became of an article."""
    from sqlalchemy import func, select

    from service.ledger.counts import outcome_counts
    from service.ledger.halts import live_pauses
    from service.ledger.pausing import target_of
    from service.models import Batch

    with opened_runtime() as runtime, runtime.db.read() as session:
        for halt in live_pauses(session):
            name = words_of(target_of(session, halt))
            click.echo(f"paused: {name}, since {halt.at:%Y-%m-%d %H:%M} UTC: {halt.reason}")
        held = session.scalar(select(func.count()).where(Batch.held_at.is_not(None)))
        click.echo(f"{held} batches wait for a pause to end.")
        if article is not None:
            counts = outcome_counts(session, article)
            click.echo(", ".join(f"{word} {count}" for word, count in counts.items()))
            if counts.as_of:
                click.echo(f"It is still being sent: counted at {counts.as_of:%H:%M:%S} UTC.")


@deliveries.command()
@target_options
@_REASON
@STAFF
def pause(reason: str, staff: str, **wanted: Any) -> None:
    """Let what is unsent wait until it is resumed; what a worker has in hand stops with its slice.

    Planning goes on, and so do confirmations and sign-in links. News that waits longer than a day
    is not sent any more.
    """
    from service.admin import halt_acts

    target = find_target(**wanted)
    name = words_of(target)
    with doing(staff) as doer:
        try:
            halt_acts.pause(doer, target, reason)
        except halt_acts.Unchanged:
            raise Refusal(f"{name} is paused already") from None
    click.echo(f"Paused: {name}.")


@deliveries.command()
@target_options
@STAFF
def resume(staff: str, **wanted: Any) -> None:
    """Send what waited for a pause; nothing that was sent is sent again."""
    from service.admin import halt_acts

    target = find_target(**wanted)
    name = words_of(target)
    with doing(staff) as doer:
        try:
            freed = halt_acts.resume(doer, target)
        except halt_acts.Unchanged:
            raise Refusal(f"{name} is not paused") from None
    click.echo(f"Resumed: {name}. {freed} batches go on.")


@deliveries.command()
@target_options
@_REASON
@STAFF
@_YES
def cancel(reason: str, staff: str, yes: bool, **wanted: Any) -> None:
    """Leave unsent for good what was released and is not sent yet.

    The news stays in the feeds, and later news are sent. `resend-missing` takes it back for one
    article.
    """
    from service.admin import halt_acts
    from service.db import utcnow
    from service.ledger.cancel import count_unsent

    target = find_target(**wanted)
    name = words_of(target)
    if target.lane:
        raise Refusal(f"{name} can be paused, not cancelled")
    with opened_runtime() as runtime, runtime.db.read() as session:
        count = count_unsent(session, target.scope, target.object_id, utcnow())
    click.echo(f"{name}: {count} planned deliveries are not sent yet.")
    _ask("Cancel them for good?", yes)
    with doing(staff) as doer:
        job_id = halt_acts.cancel(doer, target, reason)
    click.echo(f"Cancelled: {name}. Job {job_id} settles what no worker has in hand.")


@deliveries.command("resend-missing")
@click.argument("article_id", type=NUMBER)
@click.option("--unknown", is_flag=True, help="Also to those who may have got it already.")
@click.option("--reason", default="", help="Why; needed with --unknown.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@STAFF
@_YES
def resend_missing(
    article_id: int, unknown: bool, reason: str, dry_run: bool, staff: str, yes: bool
) -> None:
    """Send the news of ARTICLE_ID to exactly those who did not get it and may be told now.

    Those whose delivery was rejected, cancelled or suppressed, and those who asked for it and were
    never planned. What is queued or deferred is on its way already.
    """
    from service.admin import article_sending

    if unknown and not reason:
        raise Refusal("--unknown may bring a second copy; say why by --reason")
    with opened_runtime() as runtime, runtime.db.read() as session:
        article, news = _news_of(session, article_id)
        count = _say_missing(session, article, news, with_unknown=unknown)
    if dry_run:
        return
    _ask(f"Send it to {count}?", yes)
    with doing(staff) as doer:
        job_id = article_sending.resend_missing(
            doer, article_id, with_unknown=unknown, reason=reason
        )
    click.echo(f"Job {job_id} sends article {article_id} to those who did not get it.")


def _say_missing(
    session: Session, article: Article, news: Notification, *, with_unknown: bool
) -> int:
    """Print how many of each kind; returns to how many it would be sent."""
    from service.ledger import resend

    missing = resend.missing(session, article, news)
    in_doubt = missing.pop("unknown", 0)
    for word in ("rejected", "cancelled", "suppressed", resend.UNPLANNED):
        click.echo(f"{word}: {missing[word]}")
    listed = resend.unknown(session, news, MAX_LISTED)
    if listed:
        act = "may get a second copy" if with_unknown else "left alone without --unknown"
        numbers = ", ".join(map(str, listed))
        more = ", …" if len(listed) == MAX_LISTED else ""
        click.echo(f"unknown: {in_doubt}, {act}; may have got it: destinations {numbers}{more}")
    return missing.total() + (in_doubt if with_unknown else 0)


def _news_of(session: Session, article_id: int) -> tuple[Article, Notification]:
    from service.ledger.resend import ResendError, news_of

    try:
        return news_of(session, article_id, for_update=False)
    except ResendError as error:
        raise Refusal(str(error)) from error


def _ask(question: str, yes: bool) -> None:
    if not yes and not click.confirm(question):
        raise Refusal("nothing was changed")
