"""Articles that appear in feeds and leave them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.db import utcnow
from service.ledger.publish import stamp_feeds
from service.models import Article, ArticleState


@pytest.fixture
def publish(runtime, town):
    """Puts an article into the feeds; returns its id."""

    def publish(topics=("iklim-cevre",), age_h: float = 0, **fields) -> int:
        article_id = town.article(topics, **fields)
        with runtime.db.write() as session:
            session.get_one(Article, article_id).published_at = utcnow() - timedelta(hours=age_h)
            stamp_feeds(session, article_id, utcnow())
        return article_id

    return publish


@pytest.fixture
def withdraw(runtime):
    def withdraw(article_id: int) -> None:
        with runtime.db.write() as session:
            session.get_one(Article, article_id).state = ArticleState.WITHDRAWN
            stamp_feeds(session, article_id, utcnow())

    return withdraw
