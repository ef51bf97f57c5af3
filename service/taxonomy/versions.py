"""Versions: the whole list of topics, or of districts, as it was published, and by whom.

A version never changes; going back publishes an old list as a new version (ADR 28).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, func, literal, select
from sqlalchemy.orm import Session, undefer

from service.classify import Topic as TopicTerms
from service.ledger.refused import N_, Refused
from service.models import Taxonomy, TaxonomyVersion
from service.taxonomy.topics import FIELDS, apply, changes_by, stored_topics

_TURNS = 0x7E11A9  # names the lock among those of the database


class Conflict(Refused):
    """Somebody published another version meanwhile."""


class Nothing(Refused):
    """It would change nothing."""


@dataclass(frozen=True)
class Difference:
    """What one entry has otherwise: each field with what it was and what it is. All of an added or
    removed one."""

    slug: str
    sign: str  # +, - or ±
    fields: tuple[tuple[str, Any, Any], ...] = ()


def take_turn(session: Session) -> None:
    """Nobody else publishes before this commit. SQLite has one writer at any time."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_TURNS)))


def newest(session: Session, kind: Taxonomy) -> int:
    """The number of the version in use; 0: as it was loaded at the first start."""
    found = select(func.max(TaxonomyVersion.number)).where(TaxonomyVersion.kind == kind)
    return int(session.scalar(found) or 0)


def version(session: Session, kind: Taxonomy, number: int) -> TaxonomyVersion | None:
    """One version with its content; null where there is none."""
    return session.scalar(
        select(TaxonomyVersion)
        .where(TaxonomyVersion.kind == kind, TaxonomyVersion.number == literal(number, BigInteger))
        .options(undefer(TaxonomyVersion.content))
    )


def content_of(topics: Iterable[TopicTerms]) -> list[dict[str, Any]]:
    """Topics as a version keeps them."""
    return [
        {
            name: list(value) if isinstance(value, tuple) else value
            for name in ("slug", *FIELDS)
            for value in [getattr(topic, name)]
        }
        for topic in topics
    ]


def topics_in(content: Iterable[dict[str, Any]]) -> tuple[TopicTerms, ...]:
    """The topics that a version keeps."""
    return tuple(_terms_of(entry) for entry in content)


def _terms_of(entry: dict[str, Any]) -> TopicTerms:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in entry.items()
    }
    return TopicTerms(**values)


def publish_topics(
    session: Session,
    listed: Sequence[TopicTerms],
    staff_id: int | None,
    reason: str,
    now: datetime,
    base: int | None = None,
) -> TaxonomyVersion:
    """Make these the topics, from the next article on, and keep them as a version.

    `base` is the version that they were made from; null publishes in any case.

    Raises:
        Conflict: another version was published since.
        Nothing: they are the topics already.
    """
    take_turn(session)
    last = newest(session, Taxonomy.TOPICS)
    if base is not None and base != last:
        raise Conflict(N_("Somebody published another version meanwhile; start again from it"))
    changes = changes_by(session, listed)
    if not changes:
        raise Nothing(N_("Nothing changes"))
    before = content_of(stored_topics(session))
    apply(session, listed, changes)
    session.flush()
    return keep(
        session, Taxonomy.TOPICS, before, content_of(stored_topics(session)), staff_id, reason, now
    )


def keep(
    session: Session,
    kind: Taxonomy,
    before: list[dict[str, Any]],
    after: list[dict[str, Any]],
    staff_id: int | None,
    reason: str,
    now: datetime,
) -> TaxonomyVersion:
    """Add a version, and before the first one that of the state which it changed."""
    last = newest(session, kind)
    if last == 0:
        session.add(
            TaxonomyVersion(kind=kind, number=1, content=before, staff_id=None, published_at=now)
        )
        last = 1
    found = differences(before, after)
    row = TaxonomyVersion(
        kind=kind,
        number=last + 1,
        content=after,
        changes={one.slug: one.sign for one in found},
        reason=reason,
        staff_id=staff_id,
        published_at=now,
    )
    session.add(row)
    session.flush()
    return row


def differences(old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]) -> list[Difference]:
    """What differs between two contents, in the order of the new one; what is gone comes last."""
    before, after = ({entry["slug"]: entry for entry in one} for one in (old, new))
    found = []
    for slug, entry in after.items():
        was = before.get(slug, {})
        fields = tuple(
            (name, was.get(name), value)
            for name, value in entry.items()
            if name != "slug" and was.get(name) != value
        )
        if not was or fields:
            found.append(Difference(slug, "±" if was else "+", fields))
    gone = [
        Difference(slug, "-", tuple((name, was, None) for name, was in entry.items()))
        for slug, entry in before.items()
        if slug not in after
    ]
    return found + gone
