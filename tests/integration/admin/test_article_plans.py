"""The staff's list of articles walks an index for each filter."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from service.admin.article_list import Filters, wanted
from service.models import Article
from service.runtime import Runtime

# What a filter alone must walk; nothing of an article may be read from end to end.
INDICES = {
    "received": "ix_revision_waiting",
    "quarantined": "ix_revision_quarantined",
    "review": "ix_topic_label_review",
    "held": "ix_notification_unfinished",
    "planning": "ix_notification_unfinished",
    "sending": "ix_notification_unfinished",
    "withdrawn": "ix_article_withdrawn",
}


def plan_of(runtime: Runtime, filters: Filters) -> str:
    with runtime.db.read() as session:
        query = wanted(session, filters).order_by(Article.id.desc()).limit(26)
        sql = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
        is_sqlite = session.get_bind().dialect.name == "sqlite"
        if not is_sqlite:  # of few rows it would read them all
            session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        found = session.connection().exec_driver_sql(f"{explain} {sql}").all()
        return "\n".join(str(row[-1]) for row in found)


@pytest.mark.parametrize(("stage", "index"), INDICES.items())
def test_each_stage_walks_its_index(runtime: Runtime, town: Any, stage: str, index: str) -> None:
    town.article()
    assert index in plan_of(runtime, Filters(stage=stage))


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        (Filters(source="town"), "ix_article_source_id_id"),
        (Filters(urgent=True), "ix_article_urgent"),
    ],
)
def test_a_source_and_the_urgent_walk_theirs(
    runtime: Runtime, town: Any, filters: Filters, index: str
) -> None:
    town.article()
    assert index in plan_of(runtime, filters)
