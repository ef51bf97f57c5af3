"""`tellal topic`: see what a change of topics and terms would do, then make it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import NUMBER, STAFF, acting, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.acts import Actor
    from service.classify import Topic
    from service.classify.whatif import Change
    from service.runtime import Runtime

MAX_WORDS = 5


@click.group()
def topic() -> None:
    """Try and make changes of topics and their terms."""


@topic.command()
def export() -> None:
    """Print the topics of the database in the form of config/topics.yaml."""
    from service.classify import write_topics
    from service.taxonomy import stored_topics

    with opened_runtime() as runtime, runtime.db.read() as session:
        click.echo(write_topics(stored_topics(session)), nl=False)


@topic.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--reason", default="", help="Why, for the list of versions.")
@STAFF
def apply(file: Path, reason: str, staff: str) -> None:
    """Make the topics of the database those of FILE, from the next article on.

    FILE has the form of config/topics.yaml and lists all topics. New ones come last. One that is
    not listed is removed, unless articles or subscriptions refer to it.
    """
    from service import taxonomy
    from service.db import utcnow
    from service.taxonomy.versions import publish_topics

    listed = _read(file)
    with opened_runtime() as runtime, runtime.db.read() as session:
        changes = taxonomy.changes_by(session, listed)
    if changes:
        detail: dict[str, Any] = {
            "added": changes.added,
            "changed": changes.changed,
            "removed": changes.removed,
        }
        with acting(staff, "topic.apply", None, file=file.name, **detail) as session:
            made = publish_topics(session, listed, None, reason, utcnow())
            made.staff_id = actor_named(session, staff).staff_id
    for sign, slugs in (("+", changes.added), ("-", changes.removed)):
        for slug in slugs:
            click.echo(f"{sign}{slug}")
    for slug, what in changes.changed.items():
        click.echo(f"{slug}: {what}")
    for slug, uses in changes.kept.items():
        click.echo(f"{slug} is not listed, yet stays as it is: {uses} refer to it")
    click.echo("Used from the next article on." if changes else "Nothing changes.")


def _read(file: Path) -> tuple[Topic, ...]:
    from service.classify import TaxonomyError, parse_topics

    try:
        return parse_topics(file.read_text(encoding="utf-8"), str(file))
    except (TaxonomyError, UnicodeDecodeError) as error:
        raise Refusal(str(error)) from error


@topic.command("what-if")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--limit", type=click.IntRange(0), default=50, show_default=True)
def what_if(file: Path, limit: int) -> None:
    """Classify past articles by the terms in FILE, and say which would gain or lose a topic.

    FILE has the form of config/topics.yaml. Articles and the imported archive are read, but for
    topics that staff decided about; nothing is stored and nobody is told.
    """
    from rich.console import Console
    from rich.progress import track

    from service.classify import Classifier
    from service.classify.whatif import compare
    from service.learning.archive import count_past_texts, decided_by_staff, past_texts
    from service.learning.current import active_model, current_classifier
    from service.taxonomy.places import place_rules

    changed = _read(file)
    with opened_runtime() as runtime, runtime.db.read() as session:
        places = place_rules(session, runtime.settings.config_dir)
        readers, decided = _readers(session), decided_by_staff(session)
        now = current_classifier(session, runtime.settings)
        then = Classifier(changed, places, model=active_model(session))
        count = count_past_texts(session)
        found: list[Change] = []
        for changes in track(
            compare(now, then, past_texts(session)),
            *("classified", count),
            console=Console(stderr=True),
        ):
            found += [change for change in changes if (change.key, change.slug) not in decided]
    _say(found, count, readers, limit)


@topic.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@STAFF
def draft(file: Path, staff: str) -> None:
    """Draft the topics in FILE; a worker says what they would do to the last 90 days."""
    from service.admin import topic_acts
    from service.db import utcnow
    from service.jobs import queue

    listed = _read(file)
    with _acting(staff) as (runtime, session, actor):
        made = topic_acts.draft(session, runtime.vault, actor, listed, utcnow())
    with opened_runtime() as runtime:
        queue.ring(runtime, made.job_id or 0)
    click.echo(f"Draft {made.id}: {', '.join(made.changes)}. See `tellal topic preview {made.id}`.")


@topic.command()
@click.argument("draft_id", type=NUMBER)
def preview(draft_id: int) -> None:
    """Say what DRAFT_ID would do to the last 90 days."""
    from service.models import Job, TopicDraft

    with opened_runtime() as runtime, runtime.db.read() as session:
        row = session.get(TopicDraft, draft_id)
        job = session.get(Job, row.job_id) if row is not None else None
    if job is None:
        raise Refusal(f"there is no draft {draft_id}")
    if job.state != "done":
        raise Refusal(f"it is {job.state}: {job.done} of {job.total or '?'} articles read")
    for slug, count in job.result["readers"].items():
        gains, losses = (job.result[name].get(slug, 0) for name in ("gained", "lost"))
        click.echo(f"{slug}: {gains} would gain it, {losses} lose it; {count} asked for it")
    click.echo(f"{job.done} articles read.")


@topic.command()
@click.argument("draft_id", type=NUMBER)
@click.option("--reason", required=True, help="Why, for the list of versions.")
@STAFF
def publish(draft_id: int, reason: str, staff: str) -> None:
    """Publish DRAFT_ID, exactly as it was previewed."""
    from service.admin import topic_acts
    from service.db import utcnow

    with _acting(staff) as (runtime, session, actor):
        made = topic_acts.publish(session, runtime.vault, actor, draft_id, reason, utcnow())
    click.echo(f"Version {made.number}, used from the next article on.")


@topic.command()
@click.argument("draft_id", type=NUMBER)
@STAFF
def discard(draft_id: int, staff: str) -> None:
    """Put DRAFT_ID away."""
    from service.admin import topic_acts
    from service.db import utcnow

    with _acting(staff) as (runtime, session, actor):
        topic_acts.discard(session, runtime.vault, actor, draft_id, utcnow())
    click.echo(f"Draft {draft_id} is discarded.")


@topic.command()
def versions() -> None:
    """List the latest versions of the topics, newest first."""
    from service.admin.versions import version_lines
    from service.models import Taxonomy

    with opened_runtime() as runtime, runtime.db.read() as session:
        lines, _ = version_lines(session, Taxonomy.TOPICS, None)
    for row, who in lines:
        changes = ", ".join(f"{sign}{slug}" for slug, sign in row.changes.items())
        click.echo(
            f"{row.number}\t{row.published_at:%Y-%m-%d %H:%M} UTC\t{who}\t{changes}\t{row.reason}"
        )
    if not lines:
        click.echo("Nothing was changed since the first start.")


@topic.command()
@click.argument("number", type=NUMBER)
@click.option("--reason", required=True, help="Why, for the list of versions.")
@STAFF
def rollback(number: int, reason: str, staff: str) -> None:
    """Make the topics again what they were in version NUMBER, at once."""
    from service.admin import topic_acts
    from service.db import utcnow

    with _acting(staff) as (runtime, session, actor):
        made = topic_acts.roll_back(session, runtime.vault, actor, number, reason, utcnow())
    click.echo(f"Version {made.number}, used from the next article on.")


@contextmanager
def _acting(staff: str) -> Iterator[tuple[Runtime, Session, Actor]]:
    """One transaction under somebody's name; what is refused leaves nothing.

    Raises:
        Refusal: why not.
    """
    from service.ledger.refused import Refused

    with opened_runtime() as runtime, runtime.db.write() as session:
        try:
            yield runtime, session, actor_named(session, staff)
        except Refused as error:
            raise Refusal(str(error)) from error


def _readers(session: Session) -> Counter[str]:
    """How many live subscriptions name each topic."""
    from sqlalchemy import func, select

    from service.models import Subscription, Topic

    found = session.execute(
        select(Topic.slug, func.count())
        .join(Subscription, Subscription.topic_id == Topic.id)
        .where(Subscription.ended_at.is_(None))
        .group_by(Topic.slug)
    )
    return Counter({slug: int(count) for slug, count in found})


def _say(found: list[Change], count: int, readers: Counter[str], limit: int) -> None:
    for change in found[:limit]:
        sign = "+" if change.is_gain else "-"
        words = ", ".join(change.words[:MAX_WORDS])
        scores = f"{change.before:.2f} → {change.after:.2f}"
        click.echo(f"{change.key}\t{sign}{change.slug}\t{scores}\t{words}\t{change.title}")
    if len(found) > limit:
        click.echo(f"… and {len(found) - limit} more; see them with --limit {len(found)}")
    for slug in sorted({change.slug for change in found}):
        gains = sum(1 for c in found if c.slug == slug and c.is_gain)
        losses = sum(1 for c in found if c.slug == slug and not c.is_gain)
        click.echo(f"{slug}: {gains} would gain it, {losses} lose it; {readers[slug]} asked for it")
    click.echo(f"{count} articles read, {len({c.key for c in found})} would change.")
