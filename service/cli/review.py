"""`tellal review`: what the classifier asks the staff, and their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER, STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.ledger.review import ReviewItem
    from service.models import LabelState

MAX_WORDS = 5


@click.group()
def review() -> None:
    """Decide about topics of which the classifier is not sure; your word is final."""


@review.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
def list_(limit: int) -> None:
    """List what waits, in turns: damaged texts, topics that readers doubt, articles without a
    topic, uncertain labels."""
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
    from service.models import LabelState

    _decide("review.accept", article_id, topic, staff, LabelState.PUBLISHED, is_asked=True)


@review.command()
@click.argument("article_id", type=NUMBER)
@click.argument("topic")
@STAFF
def reject(article_id: int, topic: str, staff: str) -> None:
    """Say that ARTICLE_ID is not about TOPIC; what is not sent yet for it stays unsent."""
    from service.models import LabelState

    _decide("review.reject", article_id, topic, staff, LabelState.DROPPED, is_asked=True)


@review.command()
@click.argument("article_id", type=NUMBER)
@click.argument("topic")
@STAFF
def add(article_id: int, topic: str, staff: str) -> None:
    """Say that ARTICLE_ID is about TOPIC although the classifier did not see it."""
    from service.models import LabelState

    _decide("review.add", article_id, topic, staff, LabelState.PUBLISHED, is_asked=False)


@review.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def none(article_id: int, staff: str) -> None:
    """Say that ARTICLE_ID is about none of the topics; it is not asked about again."""
    from service.db import utcnow
    from service.ledger.labels import LabelError, decide_none

    with acting(staff, "review.none", article_id) as session:
        try:
            decide_none(session, article_id, utcnow())
        except LabelError as error:
            raise Refusal(str(error)) from error
    click.echo(f"Article {article_id}: about none of the topics, for good.")


@review.command()
@click.argument("article_id", type=NUMBER)
@STAFF
def release(article_id: int, staff: str) -> None:
    """Say that the text of ARTICLE_ID only looks damaged; it is classified and told."""
    from service.db import utcnow
    from service.ingest.releasing import ReleaseError, release_text
    from service.models import Article

    with acting(staff, "review.release", article_id) as session:
        article = session.get(Article, article_id, with_for_update=True)
        if article is None or article.revision_id is None:
            raise Refusal(f"there is no article {article_id} with a text")
        try:
            release_text(session, article, utcnow())
        except ReleaseError as error:
            raise Refusal(f"article {article_id}: {error}") from error
    click.echo(f"Article {article_id} will be classified as it is.")


def _asked(item: ReviewItem) -> str:
    if item.damage:
        return f"damaged text: {item.damage}; have the CMS send it again, or release it"
    words = ", ".join(dict.fromkeys(str(e["text"]) for e in item.evidence[:MAX_WORDS]))
    asked = item.topic or "no topic"
    if item.score is not None:
        asked = f"{item.topic} {item.score:.2f} ({words})"
    if item.readers:
        verb = "miss it" if item.is_missed else "call it wrong"
        asked += f"; {item.readers} readers {verb}"
    return asked


def _decide(
    act: str, article_id: int, topic: str, staff: str, state: LabelState, *, is_asked: bool
) -> None:
    from sqlalchemy import select

    from service.cli.source_options import nearest
    from service.db import utcnow
    from service.ledger.labels import LabelError, decide
    from service.ledger.review import doubts
    from service.models import Topic

    with acting(staff, act, article_id, topic=topic) as session:
        topic_id = session.scalar(select(Topic.id).where(Topic.slug == topic))
        if topic_id is None:
            slugs = session.scalars(select(Topic.slug))
            raise Refusal(f"there is no topic {topic!r}{nearest(topic, slugs)}")
        is_asked = is_asked and not doubts(session, article_id, topic_id)
        try:
            decided = decide(session, article_id, topic_id, state, utcnow())
        except LabelError as error:
            raise Refusal(str(error)) from error
        if is_asked and decided.before is None:
            raise Refusal(f"article {article_id} has no label {topic!r}; use `tellal review add`")
    click.echo(f"Article {article_id}: {topic} is {state.value} for good.")
    if decided.is_planned_again:
        click.echo("Those who asked for it and were not told yet will be told.")
