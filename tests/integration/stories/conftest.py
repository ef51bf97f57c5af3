"""Articles that repeat each other, posted, and as far on their way as a test needs them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.models import (
    Notification,
    NotificationState,
    Revision,
)
from tests.integration.stories.told import TEXT
from workers.classify import classify_revision
from workers.plan import plan_notification


@pytest.fixture
def send(cms):
    """Posts an article, and does no more."""

    def send(number: int, body: str = TEXT, **fields: Any) -> int:
        url = f"https://www.example.bel.tr/haber/{number}"
        answer = cms.post(
            id=str(number), url=url, summary="", body_text=body, body_html=None, **fields
        )
        return int(answer.json["article_id"])

    return send


@pytest.fixture
def pass_hour(work, clock):
    """Does all the work of the next hour."""

    def pass_hour() -> None:
        work()
        clock.advance(hours=1)
        work()

    return pass_hour


@pytest.fixture
def post(send, pass_hour):
    """Posts an article and does all the work of the next hour."""

    def post(number: int, body: str = TEXT, **fields: Any) -> int:
        article_id = send(number, body, **fields)
        pass_hour()
        return article_id

    return post


@pytest.fixture
def plan(runtime, town):
    """Plans articles that were just sent, at once; nothing of them goes out yet."""

    def plan(*article_ids: int) -> None:
        for revision in town.all(Revision):
            classify_revision(runtime, revision.id)
        now = utcnow()
        for notification in town.all(Notification):
            if notification.article_id in article_ids:
                with runtime.db.write() as session:
                    session.execute(
                        update(Notification)
                        .where(Notification.id == notification.id)
                        .values(state=NotificationState.RELEASED, released_at=now)
                    )
                plan_notification(runtime, notification.id)

    return plan
