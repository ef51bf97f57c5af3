"""`tellal topic`: see what a change of topics and terms would do, then make it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.classify import Topic
    from service.classify.whatif import Change

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
@STAFF
def apply(file: Path, staff: str) -> None:
    """Make the topics of the database those of FILE, from the next article on.

    FILE has the form of config/topics.yaml and lists all topics. New ones come last. One that is
    not listed is removed, unless articles or subscriptions refer to it.
    """
    from service import taxonomy

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
            taxonomy.apply(session, listed, changes)
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
