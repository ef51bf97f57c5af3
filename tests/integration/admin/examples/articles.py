"""What staff do to one article."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import update

from service.admin.article_list import STAGES
from service.db import utcnow
from service.ledger import halts
from service.ledger.publish import withhold
from service.models import (
    Article,
    HaltScope,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
    Story,
    StoryLink,
)
from service.runtime import Runtime
from tests.integration.admin.examples import Example
from tests.integration.town import Town

ANY = {"If-Match": "*"}
WHY = {"reason": "Deneme"}
Prepare = Callable[[Runtime], dict[str, Any]]


def held(runtime: Runtime, **values: Any) -> dict[str, Any]:
    town = Town(runtime)
    town.reader()
    article_id = town.article()
    town.notification(article_id, state=NotificationState.HELD)
    with runtime.db.write() as session:
        session.execute(update(Notification).values(released_at=None, **values))
    assert article_id == 1  # what the forms below confirm
    return {"article_id": article_id}


def urgent(runtime: Runtime) -> dict[str, Any]:
    return held(runtime, is_urgent=True)


def planned(runtime: Runtime) -> dict[str, Any]:
    town = Town(runtime)
    town.reader()
    article_id = town.article()
    town.planned(article_id)
    return {"article_id": article_id}


def paused(runtime: Runtime) -> dict[str, Any]:
    values = planned(runtime)
    with runtime.db.write() as session:
        halts.pause(session, HaltScope.ARTICLE, values["article_id"], "Bakım", None, utcnow())
    return values


def withdrawn(runtime: Runtime) -> dict[str, Any]:
    values = planned(runtime)
    with runtime.db.write() as session:
        withhold(session, session.get_one(Article, values["article_id"]), utcnow())
    return values


def given_up(runtime: Runtime) -> dict[str, Any]:
    values = planned(runtime)
    with runtime.db.write() as session:
        session.execute(update(Revision).values(state=RevisionState.QUARANTINED, attempts=8))
    return values


def linked(runtime: Runtime) -> dict[str, Any]:
    values, town = planned(runtime), Town(runtime)
    with runtime.db.write() as session:
        story = Story()
        session.add(story)
        session.flush()
        story_id = story.id
    other = town.article(story_id=story_id)
    with runtime.db.write() as session:
        session.execute(update(Article).values(story_id=story_id))
        link = {"measure": "jaccard", "value": 0.9, "shared": 20}
        session.add(StoryLink(article_id=other, earlier_id=values["article_id"], evidence=link))
    return values


SURE = {**WHY, "confirm": "1"}
# Each act: its line in the log, what is sent, and what it is done to.
ACTS: dict[str, tuple[str, dict[str, Any], Prepare]] = {
    "hold": ("article.hold", {**WHY, "minutes": "60"}, held),
    "release": ("article.release", SURE, held),
    "approve": ("article.approve", SURE, urgent),
    "pause": ("deliveries.pause", WHY, planned),
    "resume": ("deliveries.resume", WHY, paused),
    "correct": ("article.correct", SURE, planned),
    "resend": ("deliveries.resend-missing", SURE, planned),
    "cancel": ("deliveries.cancel", SURE, planned),
    "withdraw": ("article.withdraw", SURE, planned),
    "republish": ("article.republish", SURE, withdrawn),
    "reclassify": ("article.reclassify", WHY, given_up),
    "split": ("story.split", WHY, linked),
}
EXAMPLES = {
    **{f"articles.{name}": Example(*act) for name, act in ACTS.items()},
    **{f"admin_articles.{name}": Example(*act, ANY) for name, act in ACTS.items()},
    "articles.who": Example("article.who", {"email": "ayse@example.com"}, planned),
    "articles.count_whom": Example("article.count-readers", {}, planned),
    "articles.count_missing": Example("article.count-readers", {}, planned),
    "admin_articles.who": Example("article.who", {"email": "ayse@example.com"}, planned),
    "admin_articles.count_whom": Example("article.count-readers", {}, planned),
}
READS: dict[str, tuple[dict[str, Any], ...]] = {
    name: (
        {},
        *({"stage": stage} for stage in STAGES),
        {"source": "izmir"},
        {"topic": "spor"},
        {"topic": "spor", "stage": "review", "source": "izmir", "urgent": "1"},
        {"text": "körfez"},
        {"urgent": "1"},
    )
    for name in ("articles.index", "admin_articles.list_articles")
} | {
    "articles.changes": ({"article_id": "{corrected_id}"},),
    "articles.readers": ({}, {"outcome": "unknown"}, {"outcome": "missing"}),
}
