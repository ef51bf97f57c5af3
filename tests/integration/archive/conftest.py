"""News that is public, and what becomes of it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from service.db import utcnow
from service.ledger.publish import stamp_feeds, withdraw
from service.models import Article
from service.runtime import Runtime
from tests.integration.town import TOPIC, Town

TITLES = re.compile(r'<h2 class="news-title"[^>]*><a[^>]*>([^<]*)</a>')


@pytest.fixture
def publish(runtime: Runtime, town: Town) -> Callable[..., int]:
    """Publishes an article, `hours` ago or `at` a time; returns its id."""

    def publish(
        title: str = "Haber",
        topics: tuple[str, ...] = (TOPIC,),
        places: tuple[str, ...] = (),
        *,
        hours: float = 0,
        at: datetime | None = None,
        **fields: Any,
    ) -> int:
        fields = {"summary": "", "body_html": "", "body_text": "", **fields}
        article_id = town.article(topics, places, title=title, **fields)
        with runtime.db.write() as session:
            article = session.get_one(Article, article_id)
            article.published_at = at or utcnow() - timedelta(hours=hours)
            stamp_feeds(session, article_id, utcnow())
        return article_id

    return publish


@pytest.fixture
def take_back(runtime: Runtime) -> Callable[[int], None]:
    """Withdraws an article."""

    def take_back(article_id: int) -> None:
        with runtime.db.write() as session:
            article = session.get_one(Article, article_id, with_for_update=True)
            withdraw(session, article, utcnow())

    return take_back


@pytest.fixture
def titles(client: FlaskClient) -> Callable[..., list[str]]:
    """What one page of the archive lists."""

    def titles(**query: str) -> list[str]:
        answer = client.get("/haberler", query_string=query)
        assert answer.status_code == 200
        return [html.unescape(title) for title in TITLES.findall(answer.text)]

    return titles
