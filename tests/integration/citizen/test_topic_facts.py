"""What the question about topics says of each: headlines and how much it sends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, update

from service.citizen.topic_facts import topic_facts
from service.db import utcnow
from service.models import Article, Revision
from service.runtime import Runtime

TOPIC = "iklim-cevre"


@pytest.fixture
def publish(town: Any, runtime: Runtime) -> Any:
    """Publishes an article some days ago; it is in the feeds."""
    numbers = iter(range(1, 1000))

    def publish(days: float, title: str = "", **values: Any) -> int:
        number = next(numbers)
        article_id: int = town.article()
        with runtime.db.write() as session:
            fields = {"published_at": utcnow() - timedelta(days=days), "feed_seq": number, **values}
            session.execute(update(Article).where(Article.id == article_id).values(**fields))
            session.execute(
                update(Revision)
                .where(Revision.article_id == article_id)
                .values(title=title or f"Haber {number}")
            )
        return article_id

    return publish


def facts(runtime: Runtime) -> Any:
    with runtime.db.read() as session:
        return topic_facts(session, utcnow())


def test_a_topic_shows_its_two_newest_headlines_and_its_pace(
    runtime: Runtime, town: Any, publish: Any
) -> None:
    for days in (27.9, 14, 8, 3, 2, 1, 0.5, 0.1):
        publish(days, f"{days} gün önce")
    publish(29, "Çok eski")
    publish(0, "Akışta değil", feed_seq=None)
    publish(-1, "Yarının haberi")
    publish(0.01, "Geri çekilmiş", state="withdrawn")
    found = facts(runtime)
    assert list(found) == [town.topic(TOPIC)]
    fact = found[town.topic(TOPIC)]
    assert [headline.title for headline in fact.headlines] == ["0.1 gün önce", "0.5 gün önce"]
    assert fact.per_week == 2


def test_a_young_city_is_not_measured_by_weeks_that_it_was_not_there(
    runtime: Runtime, town: Any, publish: Any
) -> None:
    for days in (1, 2, 3):
        publish(days)
    assert facts(runtime)[town.topic(TOPIC)].per_week == 3


def test_without_news_there_are_no_facts(runtime: Runtime) -> None:
    assert facts(runtime) == {}


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_page_says_it_in_both_languages_and_counts_once_a_minute(
    app: Any, runtime: Runtime, publish: Any, prefix: str
) -> None:
    publish(1, "Körfez <b>temizleniyor")
    client = app.test_client()
    first = client.get(f"{prefix}/subscribe").text
    assert "Körfez &lt;b&gt;temizleniyor" in first
    assert ('<li lang="tr">Körfez' in first) is bool(prefix)
    assert ("About 1 a week." if prefix else "Haftada yaklaşık 1 haber.") in first
    assert ("Nothing in the last four weeks." if prefix else "Son dört haftada haber yok.") in first
    front = client.get(f"{prefix}/").text
    assert ("About 1 a week." if prefix else "Haftada yaklaşık 1 haber.") in front
    asked: list[str] = []
    engine = app.extensions["tellal"].db.engine
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    assert client.get(f"{prefix}/subscribe").text.count("Körfez") == 1
    assert asked
    assert not any("topic_label" in statement for statement in asked)
