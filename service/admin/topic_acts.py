"""Changing topics: a draft, what it would do to the last 90 days, and publishing exactly that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.admin.scope import OutOfScope, may_decide
from service.classify import Topic as TopicTerms
from service.crypto import Vault
from service.db import rows
from service.jobs import queue, what_if
from service.ledger.refused import N_, Missing, Refused
from service.models import Job, JobState, Taxonomy, TaxonomyVersion, Topic, TopicDraft
from service.taxonomy import changes_by, stored_topics
from service.taxonomy.checking import Mistaken, mistakes_of
from service.taxonomy.versions import (
    Conflict,
    Difference,
    Nothing,
    content_of,
    differences,
    newest,
    publish_topics,
    topics_in,
    version,
)

MAX_REASON = 500
FIRST_OPEN = 50
OPEN = (TopicDraft.published_as.is_(None), TopicDraft.discarded_at.is_(None))


class NotSeen(Refused):
    """Nobody has seen yet what the draft would do."""


def draft_topic(
    session: Session,
    vault: Vault,
    actor: Actor,
    topic: TopicTerms,
    now: datetime,
    *,
    is_new: bool,
    base: int | None = None,
) -> TopicDraft:
    """Draft a change of one topic, or another one, and start what says what it would do. Ring for
    the job of the draft after the commit. `base`: the version that was edited.

    Raises:
        Missing, Mistaken, Nothing, Conflict, OutOfScope: why there is no draft.
    """
    stored = stored_topics(session)
    slugs = [one.slug for one in stored]
    if not is_new and topic.slug not in slugs:
        raise Missing(N_("There is no such topic"))
    if found := mistakes_of(topic, slugs if is_new else ()):
        raise Mistaken(found)
    listed = (*stored, topic) if is_new else _with(stored, topic)
    return draft(session, vault, actor, listed, now, base)


def draft_without(
    session: Session, vault: Vault, actor: Actor, slug: str, now: datetime
) -> TopicDraft:
    """Draft the end of a topic to which nobody refers.

    Raises:
        Missing, Refused, OutOfScope: why there is no draft.
    """
    stored = stored_topics(session)
    if slug not in [one.slug for one in stored]:
        raise Missing(N_("There is no such topic"))
    return draft(session, vault, actor, [one for one in stored if one.slug != slug], now)


def draft(
    session: Session,
    vault: Vault,
    actor: Actor,
    listed: Sequence[TopicTerms],
    now: datetime,
    base: int | None = None,
) -> TopicDraft:
    """Draft a list of all topics."""
    last = newest(session, Taxonomy.TOPICS)
    if base is not None and base != last:
        raise Conflict(N_("Somebody published another version meanwhile; start again from it"))
    found = differences(content_of(stored_topics(session)), content_of(listed))
    if not found:
        raise Nothing(N_("Nothing changes"))
    _require_scope(session, actor, [one.slug for one in found])
    _require_unused(session, listed)
    row = TopicDraft(
        base=last,
        content=content_of(listed),
        changes={one.slug: one.sign for one in found},
        staff_id=actor.staff_id,
        created_at=now,
    )
    session.add(row)
    session.flush()
    asked = what_if.params(session, row.id, now)
    row.job_id = queue.start(session, "what-if", actor.staff_id, **asked).id
    acts.record(session, vault, actor, "topic.draft", row.id, changes=row.changes)
    return row


def publish(
    session: Session, vault: Vault, actor: Actor, draft_id: int, reason: str, now: datetime
) -> TaxonomyVersion:
    """Publish exactly what was previewed.

    Raises:
        Missing, NotSeen, Conflict, OutOfScope, Refused: why it is not published.
    """
    row = _open(session, draft_id)
    job = session.get(Job, row.job_id) if row.job_id else None
    if job is None or job.state != JobState.DONE:
        raise NotSeen(N_("Wait until the comparison with the last 90 days is done"))
    _require_scope(session, actor, list(row.changes))
    listed = topics_in(row.content)
    _require_unused(session, listed)
    made = publish_topics(session, listed, actor.staff_id, reason, now, row.base)
    _close(session, draft_id, {"published_as": made.number})
    acts.record(
        session,
        vault,
        actor,
        "topic.publish",
        made.number,
        draft=draft_id,
        reason=reason,
        changes=made.changes,
    )
    return made


def discard(session: Session, vault: Vault, actor: Actor, draft_id: int, now: datetime) -> None:
    """Put a draft away; its comparison ends.

    Raises:
        Missing: there is no open draft of this number.
        OutOfScope: it is about other topics.
    """
    row = _open(session, draft_id)
    _require_scope(session, actor, list(row.changes))
    _close(session, draft_id, {"discarded_at": now})
    if row.job_id:
        queue.cancel(session, row.job_id, now)
    acts.record(session, vault, actor, "topic.discard", draft_id)


def roll_back(
    session: Session, vault: Vault, actor: Actor, number: int, reason: str, now: datetime
) -> TaxonomyVersion:
    """Make the topics again what they were in a version, at once: on a bad day nobody waits for a
    comparison. A topic that came since and is in use stays.

    Raises:
        Missing, Nothing, OutOfScope: why not.
    """
    old = version(session, Taxonomy.TOPICS, number)
    if old is None:
        raise Missing(N_("There is no such version"))
    listed = topics_in(old.content)
    changes = changes_by(session, listed)
    _require_scope(session, actor, [*changes.added, *changes.changed, *changes.removed])
    made = publish_topics(session, listed, actor.staff_id, reason, now)
    acts.record(
        session,
        vault,
        actor,
        "topic.rollback",
        made.number,
        to=number,
        reason=reason,
        changes=made.changes,
    )
    return made


def differences_of(session: Session, row: TopicDraft) -> list[Difference]:
    """What a draft changes: from the topics of now while it is open, else from its base."""
    base = version(session, Taxonomy.TOPICS, max(row.base, 1))
    before = base.content if base is not None else content_of(stored_topics(session))
    return differences(before, row.content)


def open_drafts(session: Session) -> Sequence[TopicDraft]:
    """Those that wait, newest first."""
    query = select(TopicDraft).where(*OPEN).order_by(TopicDraft.id.desc())
    return session.scalars(query.limit(FIRST_OPEN)).all()


def _with(stored: Sequence[TopicTerms], topic: TopicTerms) -> list[TopicTerms]:
    return [replace(topic) if one.slug == topic.slug else one for one in stored]


def _open(session: Session, draft_id: int) -> TopicDraft:
    row = session.get(TopicDraft, draft_id)
    if row is None:
        raise Missing(N_("There is no such draft"))
    if row.published_as is not None or row.discarded_at is not None:
        raise Conflict(N_("This draft was published or discarded already"))
    return row


def _close(session: Session, draft_id: int, values: dict[str, object]) -> None:
    own = update(TopicDraft).where(TopicDraft.id == draft_id, *OPEN)
    if not rows(session, own.values(values)):
        raise Conflict(N_("This draft was published or discarded already"))


def _require_scope(session: Session, actor: Actor, slugs: Sequence[str]) -> None:
    """Each topic by itself; who is limited adds none."""
    ids = dict(session.execute(select(Topic.slug, Topic.id).where(Topic.slug.in_(slugs))).all())
    for slug in slugs:
        if not may_decide(session, actor.staff_id, [ids[slug]] if slug in ids else []):
            raise OutOfScope(N_("You decide about other topics only"))


def _require_unused(session: Session, listed: Sequence[TopicTerms]) -> None:
    kept = changes_by(session, listed).kept
    if kept:
        slug, uses = next(iter(kept.items()))
        text = N_("%(slug)s cannot be retired: %(uses)s refer to it")
        raise Refused(text, slug=slug, uses=uses)
