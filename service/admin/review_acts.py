"""Decisions of the review: by page, API and command line, each once, and undone where it can be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.admin.scope import OutOfScope, may_decide
from service.crypto import Vault
from service.db import rows
from service.ledger import labels, stories
from service.ledger.refused import N_, Missing, Refused
from service.ledger.releasing import ReleaseError, release_text
from service.ledger.review import doubts, seen_as
from service.models import (
    Article,
    Decision,
    LabelOrigin,
    LabelState,
    ReviewDecision,
    Staff,
    StoryLink,
    Topic,
    TopicLabel,
)

ACTS = {Decision.SAME: "story.keep", Decision.SPLIT: "story.split"}
STATES = {
    Decision.ACCEPT: LabelState.PUBLISHED,
    Decision.ADD: LabelState.PUBLISHED,
    Decision.REJECT: LabelState.DROPPED,
}
FOR_GOOD = (Decision.RELEASE, Decision.SPLIT)


class Overtaken(Refused):
    """Somebody else was faster, or what was asked about is no longer so."""


@dataclass(frozen=True)
class Wanted:
    """A decision as somebody makes it. `seen` is that of the question which they saw, null for one
    who decides whatever it is by now."""

    article_id: int
    decision: Decision
    topic: str | None = None
    seen: str | None = None


@dataclass(frozen=True)
class Made:
    """What was decided, and whether more people will be told."""

    decision: ReviewDecision
    tells_more: bool = False


def decide(session: Session, vault: Vault, actor: Actor, wanted: Wanted, now: datetime) -> Made:
    """Let somebody's decision stand, and note it in the log of acts.

    Raises:
        Missing: there is no such article or topic.
        OutOfScope: they decide about other topics.
        Overtaken: somebody else has decided since they saw the question.
        Refused: it cannot be decided.
    """
    article = _locked(session, wanted.article_id)
    topic = _topic(session, wanted.topic) if wanted.decision in STATES else None
    if not may_decide(session, actor.staff_id, [topic.id] if topic else []):
        raise OutOfScope(N_("You decide about other topics only"))
    if topic is not None:
        made = _label(session, actor, wanted, article, topic, now)
    elif wanted.decision == Decision.NONE:
        made = _none(session, actor, wanted, article, now)
    elif wanted.decision == Decision.RELEASE:
        made = _release(session, actor, article, now)
    else:
        made = _story(session, actor, wanted, now)
    detail = {"topic": topic.slug} if topic is not None else {}
    act = ACTS.get(wanted.decision, f"review.{wanted.decision}")
    acts.record(session, vault, actor, act, wanted.article_id, **detail)
    return made


def undo(session: Session, vault: Vault, actor: Actor, decision_id: int, now: datetime) -> Made:
    """Take a decision back: the labels are again what they were. What was sent stays sent.

    Raises:
        Missing: there is no such decision.
        OutOfScope: they decide about other topics.
        Overtaken: it was taken back, or something was decided since.
        Refused: it cannot be taken back.
    """
    row = session.get(ReviewDecision, decision_id)
    if row is None:
        raise Missing(N_("There is no such decision"))
    if row.decision in FOR_GOOD:
        raise Refused(N_("This decision cannot be undone: it was followed at once"))
    if not may_decide(session, actor.staff_id, [row.topic_id] if row.topic_id else []):
        raise OutOfScope(N_("You decide about other topics only"))
    own = update(ReviewDecision).where(ReviewDecision.id == row.id)
    if not rows(session, own.where(ReviewDecision.undone_at.is_(None)).values(undone_at=now)):
        raise Overtaken(N_("This decision was undone already"))
    _locked(session, row.article_id)
    if row.decision == Decision.SAME:
        links = update(StoryLink).where(StoryLink.article_id == row.article_id)
        session.execute(links.where(StoryLink.kept_at == row.at).values(kept_at=None))
    tells = False
    try:
        for before in row.before:
            tells |= labels.restore(session, row.article_id, before, row.at, now)
    except labels.LabelError as error:
        raise Overtaken(N_("It was decided again since; undo the later decision first")) from error
    acts.record(session, vault, actor, "review.undo", row.article_id, decision=row.id)
    return Made(row, tells)


def _locked(session: Session, article_id: int) -> Article:
    article = session.get(Article, article_id, with_for_update=True, populate_existing=True)
    if article is None:
        raise Missing(N_("there is no article %(number)s"), number=article_id)
    return article


def _topic(session: Session, slug: str | None) -> Topic:
    topic = session.scalar(select(Topic).where(Topic.slug == (slug or "")))
    if topic is None:
        raise Missing(N_("there is no topic %(slug)s"), slug=repr(slug or ""))
    return topic


def _label(
    session: Session, actor: Actor, wanted: Wanted, article: Article, topic: Topic, now: datetime
) -> Made:
    if article.shown_revision_id is None:
        raise Missing(N_("there is no classified article %(number)s"), number=article.id)
    label = session.get(TopicLabel, (article.shown_revision_id, topic.id))
    if wanted.seen is not None and wanted.seen != seen_as(label):
        raise _overtaken(session, article.id)
    is_asked = wanted.decision != Decision.ADD and not doubts(session, article.id, topic.id)
    if is_asked and label is None:
        text = N_("article %(number)s has no label %(slug)s; add the topic instead")
        raise Refused(text, number=article.id, slug=repr(topic.slug))
    before = labels.label_as_it_is(label, topic.id)
    done = labels.decide(session, article.id, topic.id, STATES[wanted.decision], now)
    made = _kept(session, actor, wanted, now, topic.id)
    made.before = [before]
    return Made(made, done.is_planned_again)


def _none(session: Session, actor: Actor, wanted: Wanted, article: Article, now: datetime) -> Made:
    if article.shown_revision_id is None:
        raise Missing(N_("there is no classified article %(number)s"), number=article.id)
    topic_ids = session.scalars(select(Topic.id).order_by(Topic.id)).all()
    found = {
        label.topic_id: label
        for label in session.scalars(
            select(TopicLabel).where(TopicLabel.revision_id == article.shown_revision_id)
        )
    }
    if wanted.seen is not None and any(
        label.origin == LabelOrigin.STAFF for label in found.values()
    ):
        raise _overtaken(session, article.id)
    before = [labels.label_as_it_is(found.get(topic_id), topic_id) for topic_id in topic_ids]
    labels.decide_none(session, article.id, now)
    made = _kept(session, actor, wanted, now)
    made.before = before
    return Made(made)


def _release(session: Session, actor: Actor, article: Article, now: datetime) -> Made:
    if article.revision_id is None:
        raise Missing(N_("there is no article %(number)s"), number=article.id)
    try:
        release_text(session, article, now)
    except ReleaseError as error:
        raise _overtaken(session, article.id, str(error)) from error
    return Made(_kept(session, actor, Wanted(article.id, Decision.RELEASE), now), True)


def _story(session: Session, actor: Actor, wanted: Wanted, now: datetime) -> Made:
    if wanted.decision == Decision.SAME:
        links = update(StoryLink).where(StoryLink.article_id == wanted.article_id)
        links = links.where(StoryLink.kept_at.is_(None), StoryLink.split_at.is_(None))
        if not rows(session, links.values(kept_at=now)):
            raise _overtaken(
                session, wanted.article_id, f"article {wanted.article_id} waits for none"
            )
        return Made(_kept(session, actor, wanted, now))
    try:
        tells = stories.split(session, wanted.article_id, now)
    except stories.StoryError as error:
        raise _overtaken(session, wanted.article_id, str(error)) from error
    return Made(_kept(session, actor, wanted, now), tells)


def _kept(
    session: Session, actor: Actor, wanted: Wanted, now: datetime, topic_id: int | None = None
) -> ReviewDecision:
    row = ReviewDecision(
        staff_id=actor.staff_id,
        article_id=wanted.article_id,
        topic_id=topic_id,
        decision=wanted.decision,
        at=now,
    )
    session.add(row)
    session.flush()
    return row


def _overtaken(session: Session, article_id: int, because: str = "") -> Refused:
    """Who was faster; where nobody was, what else changed."""
    found = session.execute(
        select(ReviewDecision, Staff.email)
        .join(Staff, Staff.id == ReviewDecision.staff_id)
        .where(ReviewDecision.article_id == article_id)
        .order_by(ReviewDecision.id.desc())
        .limit(1)
    ).first()
    if found is None:
        if because:
            return Overtaken(because)
        return Overtaken(N_("What was asked about has changed since you saw it; look again"))
    row, email = found
    return Overtaken(
        N_("%(who)s decided about this article at %(time)s UTC already; yours was not taken"),
        who=email.partition("@")[0],
        time=f"{row.at:%H:%M}",
    )
