"""What staff do with topics and their drafts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import select

from service.db import utcnow
from service.jobs import queue, running, what_if
from service.models import Staff, Taxonomy, Topic, TopicDraft
from service.runtime import Runtime
from service.taxonomy import stored_topics
from service.taxonomy.versions import content_of, newest, publish_topics
from tests.integration.admin.examples import Example

SPORT = "spor"


def first(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.read() as session:
        return {"topic_id": session.scalars(select(Topic.id).where(Topic.slug == SPORT)).one()}


def by_slug(_runtime: Runtime) -> dict[str, Any]:
    return {"slug": SPORT}


def drafted(runtime: Runtime) -> dict[str, Any]:
    """A draft that was compared with the past."""
    with runtime.db.write() as session:
        staff_id = session.scalars(select(Staff.id).limit(1)).one()
        listed = [replace(topic, name_en=f"{topic.name_en} 2") for topic in stored_topics(session)]
        row = TopicDraft(
            base=newest(session, Taxonomy.TOPICS),
            content=content_of(listed),
            changes={SPORT: "±"},
            staff_id=staff_id,
        )
        session.add(row)
        session.flush()
        job = queue.start(session, "what-if", staff_id, **what_if.params(session, row.id, utcnow()))
        row.job_id = job.id
    running.run(runtime, job.id)
    return {"draft_id": row.id}


def changed(runtime: Runtime) -> dict[str, Any]:
    """Topics that were changed once."""
    with runtime.db.write() as session:
        listed = [replace(topic, name_en=f"{topic.name_en} 2") for topic in stored_topics(session)]
        publish_topics(session, listed, None, "Deneme", utcnow())
    return {"number": 1}


TOPIC = {"name_tr": "Hayvanlar", "name_en": "Animals"}
NEW = {"slug": "hayvanlar", **TOPIC}
ANY = {"If-Match": "*"}
WHY = {"reason": "Deneme"}
JSON_TOPIC = {**TOPIC, "terms": ["kedi", "köpek"]}
EXAMPLES = {
    "staff_topics.add": Example("topic.draft", {**NEW, "terms": "kedi\nköpek"}),
    "staff_topics.edit": Example("topic.draft", {**TOPIC, "terms": "kedi"}, first),
    "staff_topics.retire": Example("topic.draft", {}, first),
    "staff_topics.publish": Example("topic.publish", WHY, drafted),
    "staff_topics.discard": Example("topic.discard", {}, drafted),
    "staff_topics.roll_back": Example("topic.rollback", WHY, changed),
    "admin_topics.add": Example("topic.draft", {"slug": "hayvanlar", **JSON_TOPIC}),
    "admin_topics.edit": Example("topic.draft", JSON_TOPIC, by_slug, ANY),
    "admin_topics.retire": Example("topic.draft", {}, by_slug, ANY),
    "admin_topics.publish": Example("topic.publish", WHY, drafted),
    "admin_topics.discard": Example("topic.discard", {}, drafted),
    "admin_topics.roll_back": Example("topic.rollback", WHY, changed),
}
