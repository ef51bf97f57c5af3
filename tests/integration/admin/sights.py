"""What a town has besides what the examples of acts make: each page has something to show."""

from __future__ import annotations

from typing import Any

from service.acts import Actor
from service.admin.looking import token_for
from service.db import utcnow
from service.jobs import queue
from service.messages import publishing
from service.models import (
    Article,
    ChannelTest,
    Frequency,
    InboxEvent,
    Revision,
    Source,
    Verdict,
    Via,
)
from service.runtime import Runtime
from service.subscriptions.channels import add_channel, destination_of
from tests.integration.town import Town

FILE = "rows.csv"


def seen(runtime: Runtime, staff_id: int) -> dict[str, Any]:
    """The values of addresses; `key` is that of a reader whom this person looked up."""
    town = Town(runtime)
    reader = town.reader(None, frequency=Frequency.DAILY)
    article_id = town.article(title="Körfez")
    notification_id = town.planned(article_id)
    return {
        "article_id": article_id,
        "notification_id": notification_id,
        "corrected_id": article_id,
        "revision_id": _corrected(runtime, article_id),
        "key": token_for(runtime.vault, Actor(staff_id, Via.PAGE), reader),
        "channel_id": _tried(runtime, notification_id),
        **_received(runtime),
        **_filed(runtime, staff_id),
        **_drafted(runtime, staff_id),
    }


def _corrected(runtime: Runtime, article_id: int) -> int:
    with runtime.db.write() as session:
        first = session.get_one(Revision, session.get_one(Article, article_id).revision_id)
        kept = {name: getattr(first, name) for name in ("url", "summary", "body_html", "state")}
        later = Revision(
            article_id=article_id, content_hash="later", title="Göl", body_text="Yeni", **kept
        )
        session.add(later)
        session.flush()
        return later.id


def _received(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        source = Source(slug="sights", sealed_secret="")
        session.add(source)
        session.flush()
        event = InboxEvent(
            source_id=source.id,
            delivery_key="msg_sights",
            body_hash="h",
            sealed_body=runtime.vault.encrypt("{}"),
            headers={},
            verdict=Verdict.FAILED,
            reason="no title",
            request_id="r",
        )
        session.add(event)
        session.flush()
        return {"source_id": source.id, "event_id": event.id}


def _filed(runtime: Runtime, staff_id: int) -> dict[str, Any]:
    with runtime.db.write() as session:
        job = queue.start(session, "counting", staff_id)
        queue.keep_file(runtime, session, job.id, FILE, "text/csv", "a,b\n")
        return {"job_id": job.id}


def _drafted(runtime: Runtime, staff_id: int) -> dict[str, Any]:
    with runtime.db.write() as session:
        text = "{{ date }}: {{ topic }}\n"
        draft = publishing.keep_draft(session, "why.txt", staff_id, text, utcnow())
        return {"letter_draft_id": draft.id}


def _tried(runtime: Runtime, notification_id: int) -> int:
    """A developer's channel that was tried once, and is to have another address."""
    url = "https://example.com/sights"
    with runtime.db.write() as session:
        channel = add_channel(
            session, runtime.vault, runtime.settings, name="Sights", url=url, topic_slugs=[]
        )
        assert destination_of(session, channel.id)
        session.add(ChannelTest(notification_id=notification_id, channel_id=channel.id))
        channel.next_sealed_url = runtime.vault.encrypt("webhook://example.com/next")
        channel.next_masked_url = "webhook://example.com/***"
        channel.next_test_id = notification_id
        return channel.id
