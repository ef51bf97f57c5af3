"""`tellal review`: what the classifier asks the staff, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER, STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.ledger.review import ReviewItem

MAX_WORDS = 5


@click.group()
def review() -> None:
    """Decide about topics of which the classifier is not sure; your word is final."""


@review.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def list_(limit: int) -> None:
    """List what waits, in turns: damaged texts, topics that readers doubt, likely repetitions,
    articles without a topic, uncertain labels."""
    from service.db import utcnow
    from service.ledger.review import waiting

    with opened_runtime() as runtime, runtime.db.read() as session:
        items = waiting(session, utcnow(), limit)
    for item in items:
        click.echo(f"{item.article_id}\t{_asked(item)}\t{item.title}")
    if not items:
        click.echo("Nothing waits for review.")


@review.command()
@click.argument("article_id", type=NUMBER)
@click.argument("topic")
@STAFF
def accept(article_id: int, topic: str, staff: str) -> None:
    """Say that ARTICLE_ID is about TOPIC; those who asked for it are told, once."""
    _about(article_id, "accept", staff, topic)


@review.command()
@click.argument("article_id", type=NUMBER)
@click.argument("topic")
@STAFF
def reject(article_id: int, topic: str, staff: str) -> None:
    """Say that ARTICLE_ID is not about TOPIC; what is not sent yet for it stays unsent."""
    _about(article_id, "reject", staff, topic)


@review.command()
@click.argument("article_id", type=NUMBER)
@click.argument("topic")
@STAFF
def add(article_id: int, topic: str, staff: str) -> None:
    """Say that ARTICLE_ID is about TOPIC although the classifier did not see it."""
    _about(article_id, "add", staff, topic)


@review.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def none(article_id: int, staff: str) -> None:
    """Say that ARTICLE_ID is about none of the topics; it is not asked about again."""
    decided(article_id, "none", staff)
    click.echo(f"Article {article_id}: about none of the topics, for good.")


@review.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def release(article_id: int, staff: str) -> None:
    """Say that the text of ARTICLE_ID only looks damaged; it is classified and told."""
    decided(article_id, "release", staff)
    click.echo(f"Article {article_id} will be classified as it is.")


@review.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def same(article_id: int, staff: str) -> None:
    """Say that ARTICLE_ID tells the same event as those it was linked to; `tellal story split`
    says the contrary."""
    decided(article_id, "same", staff)
    click.echo(f"Article {article_id}: its links are right.")


@review.command()
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def decisions(limit: int) -> None:
    """List the latest decisions, with the numbers by which `undo` takes them back."""
    from service.admin.review_history import latest

    with opened_runtime() as runtime, runtime.db.read() as session:
        lines = latest(session, None, limit)
    for line in lines:
        undone = "\tundone" if line.row.undone_at else ""
        click.echo(
            f"{line.row.id}\t{line.row.at:%Y-%m-%d %H:%M} UTC\t{line.who}\t{line.row.decision}\t"
            f"article {line.row.article_id}\t{line.slug}{undone}"
        )
    if not lines:
        click.echo("Nothing was decided yet.")


@review.command()
@click.argument("decision_id", type=NUMBER)
@STAFF
def undo(decision_id: int, staff: str) -> None:
    """Take back DECISION_ID: its labels are again what they were. What was sent stays sent."""
    from service.admin import review_acts
    from service.db import utcnow
    from service.ledger.refused import Refused

    with opened_runtime() as runtime, runtime.db.write() as session:
        actor = actor_named(session, staff)
        try:
            made = review_acts.undo(session, runtime.vault, actor, decision_id, utcnow())
        except Refused as error:
            raise Refusal(str(error)) from error
    click.echo(f"Decision {decision_id} is undone.")
    if made.tells_more:
        click.echo("Those who asked for it and were not told yet will be told.")


def _asked(item: ReviewItem) -> str:
    if item.damage:
        return f"damaged text: {item.damage}; have the CMS send it again, or release it"
    if item.other_id:
        return f"repeats {item.other_id}?"
    words = ", ".join(dict.fromkeys(str(e["text"]) for e in item.evidence[:MAX_WORDS]))
    asked = item.topic or "no topic"
    if item.score is not None:
        asked = f"{item.topic} {item.score:.2f} ({words})"
    if item.readers:
        verb = "miss it" if item.is_missed else "call it wrong"
        asked += f"; {item.readers} readers {verb}"
    return asked


def decided(article_id: int, decision: str, staff: str, topic: str | None = None) -> bool:
    """Make a decision; whether more people will be told.

    Raises:
        Refusal: it cannot be decided.
    """
    from service.admin import review_acts
    from service.db import utcnow
    from service.ledger.refused import Refused
    from service.models import Decision

    wanted = review_acts.Wanted(article_id, Decision(decision), topic)
    with opened_runtime() as runtime, runtime.db.write() as session:
        actor = actor_named(session, staff)
        try:
            made = review_acts.decide(session, runtime.vault, actor, wanted, utcnow())
        except Refused as error:
            raise Refusal(f"{error}{_like(session, topic)}") from error
    return made.tells_more


def _like(session: Session, topic: str | None) -> str:
    """What somebody may have meant who named no topic of ours."""
    from sqlalchemy import select

    from service.cli.source_options import nearest
    from service.models import Topic

    slugs = session.scalars(select(Topic.slug)).all()
    return nearest(topic, slugs) if topic and topic not in slugs else ""


def _about(article_id: int, decision: str, staff: str, topic: str) -> None:
    tells = decided(article_id, decision, staff, topic)
    state = "dropped" if decision == "reject" else "published"
    click.echo(f"Article {article_id}: {topic} is {state} for good.")
    if tells:
        click.echo("Those who asked for it and were not told yet will be told.")
