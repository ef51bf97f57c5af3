"""Whatever staff open, nothing counts the ledger and nothing reads a large table from end to end.

`make admin-plans` writes docs/performance/admin-plans.md: by which indexes each page reads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select, text

from service.models import Staff
from service.runtime import Runtime
from tests.bench.admin.filling import fill
from tests.integration.admin.examples.people import ADMINISTRATOR
from tests.integration.admin.sights import seen
from tests.integration.admin.walking import (
    BIG,
    Plan,
    Said,
    addresses,
    heard,
    plan_of,
    prepared,
    unbounded_counts,
)

FILE = Path(__file__).parents[3] / "docs" / "performance" / "admin-plans.md"
HEAD = """# How the staff's pages read

Written by `make admin-plans`; do not edit. Every address that staff can read, with the indexes that
PostgreSQL walks for it. *index*: each large table is entered by a condition on an index, *bounded*:
read in the order of an index up to a limit, *small tables*: no large table is read.
`tests/integration/admin/test_plans.py` walks them all: none counts the ledger, and none reads a
large table from end to end. What that costs with 20,000,000 deliveries: [admin.md](admin.md).

|endpoint|statements|reads by|indexes|
|---|---:|---|---|
"""


# What a planner goes by that has a city's rows before it; they keep their spread.
MANY = text("UPDATE pg_class SET reltuples = 1000000 WHERE relkind = 'r' AND relname = ANY(:names)")


@pytest.fixture
def read(
    app: APIFlask,
    runtime: Runtime,
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
) -> dict[str, list[Said]]:
    """Every address of a town that has a little of everything, with the statements it takes."""
    with runtime.db.read() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.email == ADMINISTRATOR)).one()
    values = prepared(runtime) | seen(runtime, staff_id)
    if not runtime.db.is_sqlite:  # so much that the planner sees what is many and what is few
        fill(runtime.db, 500, 400, str)
        with runtime.db.write() as session:
            session.execute(MANY, {"names": sorted({*BIG, "delivery_default"})})
    browser, key = signed_in("administrator"), program("administrator")
    found: dict[str, list[Said]] = {}
    refused = []
    for endpoint, path in addresses(app, values):
        with heard(app.extensions["tellal"].db.engine) as said:
            answer = (key if path.startswith("/v1/") else browser).get(path)
            answer.get_data()
        if answer.status_code >= 400:
            refused.append((endpoint, path, answer.status_code))
        found.setdefault(endpoint, []).extend(said)
    assert refused == []
    return found


def test_nothing_counts_the_ledger_or_walks_a_large_table(
    runtime: Runtime, read: dict[str, list[Said]]
) -> None:
    counted = {
        endpoint: (tables, " ".join(one.statement.split()))
        for endpoint, said in read.items()
        for one in said
        if (tables := unbounded_counts(one.statement))
    }
    assert not counted, _listed(counted)
    if runtime.db.is_sqlite:
        return
    plans = {
        endpoint: [(one, plan_of(runtime.db.engine, one, by_index=True)) for one in said]
        for endpoint, said in read.items()
    }
    walked = {
        endpoint: (plan.full, " ".join(one.statement.split()))
        for endpoint, pairs in plans.items()
        for one, plan in pairs
        if plan.full
    }
    assert not walked, _listed(walked)
    if os.environ.get("TELLAL_WRITE_PLANS"):
        FILE.parent.mkdir(exist_ok=True)
        FILE.write_text(
            HEAD + "".join(map(_line, sorted(plans), [plans[e] for e in sorted(plans)]))
        )
    listed = {line.split("|")[1] for line in FILE.read_text().splitlines() if line.startswith("|")}
    assert set(read) - listed == set(), "run `make admin-plans`"


def _listed(found: dict[str, Any]) -> str:
    return "\n".join(f"{endpoint}: {what}" for endpoint, what in found.items())


def _line(endpoint: str, pairs: list[tuple[Said, Plan]]) -> str:
    kinds = [plan.kind for _, plan in pairs]
    kind = next((one for one in ("bounded", "index") if one in kinds), "small tables")
    names = sorted({name for _, plan in pairs for name in plan.indexes if _is_told(name)})
    return f"|{endpoint}|{len(pairs)}|{kind}|{', '.join(names)}|\n"


def _is_told(index: str) -> bool:
    """Not what each request takes to know who asks."""
    return not any(word in index for word in ("staff", "role", "api_key", "halt"))


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("SELECT count(*) FROM delivery WHERE state = 1", ["delivery"]),
        ("SELECT a, (SELECT count(*) FROM subscription s) FROM article", ["subscription"]),
        ("SELECT count(*) FROM (SELECT 1 FROM delivery LIMIT 5) AS x", []),
        ("SELECT count(*) FROM (SELECT 1 FROM delivery WHERE a = 1) AS x", ["delivery"]),
        ("SELECT count(*) FROM article WHERE EXISTS (SELECT 1 FROM delivery)", []),
        ("SELECT n.id, count(v.x) FROM notification n JOIN delivery v ON v.n = n.id", ["delivery"]),
        ("SELECT count FROM delivery_day", []),
        ("SELECT count(*) FROM subscription WHERE subscription.destination_id = ?", []),
        ("SELECT count(*) FROM subscription WHERE subscription.topic_id = ?", ["subscription"]),
        (
            "SELECT count(*) FROM (SELECT 1 FROM destination d WHERE d.id > ? AND d.id <= ?) AS x",
            [],
        ),
        ("SELECT count(*) FROM (SELECT 1 FROM destination d WHERE d.id > ?) AS x", ["destination"]),
    ],
)
def test_what_counts_without_a_bound_is_recognised(statement: str, tables: list[str]) -> None:
    assert unbounded_counts(statement) == tables
