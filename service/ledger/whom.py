"""Who would be told: the planner's own question about an article, counted and not written.

Counted in key ranges, so that a page looks at one of them and a job at all. A reader with two
subscriptions that ask counts once, by the one that planning would write down as the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from service.db import Moment, utcnow
from service.ledger import match
from service.ledger.match import Question, statement
from service.ledger.quiet import DAY_MIN
from service.ledger.refused import N_, Refused
from service.models import Article, ArticleState, Notification, NotificationKind, NotificationState

RANGE_SIZE = 10_000  # subscriptions that one look walks
CITY = 0  # in place of a district

# `sent` at once; `quiet` once their quiet hours end; the others are planned and not sent: the
# ledger says of them why.
FATES = ("sent", "quiet", "break", "paused", "suppressed")
_FATE = f"""CASE WHEN x.address_hash IS NOT NULL THEN 'suppressed'
         WHEN d.is_paused OR coalesce(c.is_paused, false) THEN 'paused'
         WHEN d.paused_until > :now THEN 'break'
         WHEN :breaks THEN 'sent'
         WHEN d.quiet_from IS NOT NULL AND d.quiet_until IS NOT NULL
          AND (:minute - d.quiet_from + {DAY_MIN}) % {DAY_MIN}
              < (d.quiet_until - d.quiet_from - 1 + {DAY_MIN}) % {DAY_MIN} + 1 THEN 'quiet'
         ELSE 'sent' END"""
_UNPLANNED = """ AND NOT EXISTS (
    SELECT 1 FROM delivery v WHERE v.notification_id = :notification AND v.destination_id = d.id)"""
_COUNT = """
    SELECT kind, frequency, place, fate, count(*) AS many FROM (
        SELECT d.kind, s.frequency, coalesce(s.place_id, 0) AS place, {fate} AS fate
        {who}) AS told
    GROUP BY kind, frequency, place, fate"""
_MERELY = "SELECT count(*) {who}"
# Readers of summaries alone: none of what they asked for is wanted at once.
_LATER = """
    SELECT frequency, count(*) AS many FROM (
        SELECT d.id, min(s.frequency) AS frequency {who}
        GROUP BY d.id
        HAVING sum(CASE WHEN s.frequency = 'instant' THEN 1 ELSE 0 END) = 0) AS later
    GROUP BY frequency"""


@dataclass(frozen=True)
class Asked:
    """What is asked. `reason`: why nobody at all would be told, whatever they asked for."""

    question: Question
    notification_id: int
    is_planned: bool
    reason: str = ""


@dataclass
class Figures:
    """Readers counted so far; `told` by (kind, frequency, district, fate)."""

    told: Counter[tuple[str, str, int, str]] = field(default_factory=Counter)
    by_story: int = 0  # hear of it by another article of its story
    later: Counter[str] = field(default_factory=Counter)  # in a summary, by frequency
    refused: int = 0  # asked for it, and are told nothing because of the article itself
    reason: str = ""

    @property
    def planned(self) -> int:
        """Deliveries that planning would write, those not to be sent included."""
        return self.told.total()

    def by(self, part: int) -> Counter[Any]:
        """The told by one part of their key: 0 kind, 1 frequency, 2 district, 3 fate."""
        found: Counter[Any] = Counter()
        for key, many in self.told.items():
            found[key[part]] += many
        return found

    def add(self, other: Figures) -> None:
        """Count another range in."""
        self.told += other.told
        self.later += other.later
        self.by_story += other.by_story
        self.refused += other.refused
        self.reason = other.reason

    def summary(self) -> dict[str, int]:
        """The figures by name, for programs."""
        fates = self.by(3)
        return {
            "planned": self.planned,
            **{fate: fates[fate] for fate in FATES},
            "told_by_story": self.by_story,
            "daily": self.later["daily"],
            "weekly": self.later["weekly"],
            "refused": self.refused,
        }

    def as_json(self) -> dict[str, Any]:
        """For the row of a job."""
        return {
            "told": [[*key, many] for key, many in sorted(self.told.items())],
            "later": dict(self.later),
            "by_story": self.by_story,
            "refused": self.refused,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Figures:
        """Read what `as_json` wrote; nothing counted where it is empty."""
        told: Counter[tuple[str, str, int, str]] = Counter()
        for kind, frequency, place, fate, many in data.get("told", ()):
            told[kind, frequency, place, fate] = many
        later: Counter[str] = Counter(data.get("later", {}))
        by_story, refused = data.get("by_story", 0), data.get("refused", 0)
        return cls(told, by_story, later, refused, data.get("reason", ""))


def ask(
    session: Session,
    article_id: int,
    more_topics: Collection[int] = (),
    more_places: Collection[int] = (),
    *,
    breaks: bool = False,
) -> Asked:
    """What planning the news of an article would ask now, or with these labels too.

    `breaks`: as if enough of the staff had approved it.

    Raises:
        Refused: there is no such article, or its text is not classified yet.
    """
    article = session.get(Article, article_id)
    if article is None:
        raise Refused(N_("there is no article %(number)s"), number=article_id)
    if article.shown_revision_id is None:
        raise Refused(N_("Its text is not classified yet."))
    news = session.scalar(
        select(Notification)
        .where(Notification.article_id == article_id, Notification.kind == NotificationKind.NEW)
        .where(Notification.state != NotificationState.CANCELLED)
    )
    shape = news or Notification(
        kind=NotificationKind.NEW, breaks_at=None, is_urgent=article.is_urgent
    )
    question = match.question(session, shape, article)
    topics = list(dict.fromkeys([*(t for t in question.topics if t), *more_topics]))
    question = replace(
        question,
        topics=[*sorted(topics), None],
        places=sorted({*question.places, *more_places}),
        breaks=question.breaks or breaks,
    )
    is_planned = news is not None and (news.planned > 0 or news.cursor > 0)
    reason = _reason(session, article, question, news)
    return Asked(question, news.id if news else 0, is_planned, reason)


def count_range(
    session: Session, asked: Asked, lower: int, zone: str
) -> tuple[Figures, int | None]:
    """The figures of the next key range after `lower`, and where it ends; null: nobody is left."""
    found = match.next_range(session, asked.question, lower, RANGE_SIZE)
    if found is None:
        return Figures(reason=asked.reason), None
    upper, question = found
    rest = replace(asked, question=question)
    if asked.reason:
        return Figures(refused=_merely(session, rest, lower, upper), reason=asked.reason), upper
    figures = Figures(told=_told(session, rest, lower, upper, zone))
    if question.others or question.digests:
        plain = replace(rest, question=replace(question, others=(), digests=(), tellings=()))
        figures.by_story = _merely(session, plain, lower, upper) - figures.planned
    if not question.breaks:
        figures.later = _later(session, rest, lower, upper)
    return figures, upper


def count_all(session: Session, asked: Asked, zone: str) -> Figures:
    """All ranges, one after another: seconds for a city."""
    figures, lower = Figures(reason=asked.reason), 0
    while True:
        some, upper = count_range(session, asked, lower, zone)
        figures.add(some)
        if upper is None:
            return figures
        lower = upper


def _reason(
    session: Session, article: Article, question: Question, news: Notification | None
) -> str:
    if article.state != ArticleState.PUBLISHED or article.withheld_state is not None:
        return "withdrawn"
    if article.is_commercial:
        return "commercial"
    if news is not None and news.stopped_at is not None:
        return "cancelled"
    is_old = question.others and match.was_told_long_ago(session, article.story_id, article.id)
    return "late" if is_old else ""


def _told(
    session: Session, asked: Asked, lower: int, upper: int, zone: str
) -> Counter[tuple[str, str, int, str]]:
    now = utcnow()
    query = _COUNT.format(fate=_FATE, who=_who(asked, is_once=True, join=True))
    values = {"now": now, "minute": _minute(now, zone), "breaks": asked.question.breaks}
    found: Counter[tuple[str, str, int, str]] = Counter()
    for row in _rows(session, asked, query, lower, upper, **values):
        found[row.kind, row.frequency, row.place, row.fate] = int(row.many)
    return found


def _merely(session: Session, asked: Asked, lower: int, upper: int) -> int:
    query = _MERELY.format(who=_who(asked, is_once=True))
    return int(_rows(session, asked, query, lower, upper)[0][0])


def _later(session: Session, asked: Asked, lower: int, upper: int) -> Counter[str]:
    wide = replace(asked, question=replace(asked.question, breaks=True))
    query = _LATER.format(who=_who(wide, is_once=False, join=True))
    return Counter({r.frequency: int(r.many) for r in _rows(session, wide, query, lower, upper)})


def _who(asked: Asked, *, is_once: bool, join: bool = False) -> str:
    """Whom planning would write a row for, from FROM on."""
    who = asked.question.who(is_once=is_once)
    if join:
        who = who.replace(
            "JOIN destination d",
            "JOIN subscription s ON s.id = m.subscription_id\n    JOIN destination d",
            1,
        )
    return who + (_UNPLANNED if asked.is_planned else "")


def _rows(session: Session, asked: Asked, sql: str, lower: int, upper: int, **values: Any) -> Any:
    lists = asked.question.lists
    query = statement(sql, tuple(lists))
    if "now" in values:
        query = query.bindparams(bindparam("now", type_=Moment()))
    keys = {"lower": lower, "upper": upper}
    if asked.is_planned:
        keys["notification"] = asked.notification_id
    return session.execute(query, {**lists, **keys, **values}).all()


def _minute(now: datetime, zone: str) -> int:
    local = now.astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute
