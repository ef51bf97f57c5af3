"""A walk through everything that staff can read, with the plan of each statement on the way.

The values of addresses come from the examples of the acts (`examples`): what their `prepare` made
is there to be looked at. A part that has more to say adds `READS` to its module: endpoint → values,
where those that are no part of the path become its query.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from apiflask import APIFlask
from flask import url_for
from sqlalchemy import Engine, event

from service.runtime import Runtime
from tests.integration.admin import examples

# Tables that grow with the city or with time; all others are small by nature.
BIG = frozenset(
    {
        *("delivery", "delivery_answer", "destination", "subscription", "subscriber", "revision"),
        *("article", "article_alias", "notification", "inbox", "bounce", "consent", "audit"),
        *("batch", "digest_item", "digest_article", "topic_label", "place_label", "story"),
        *("story_link", "suppression", "token", "mailbox_message", "tally", "pull_item"),
        "wrong_topic",
    }
)
# They are for those who are not signed in yet, and look nothing up but these.
DOORS = ("security.", "entrance.", "oidc.")
COUNTED = ("delivery", "destination", "subscription")
_STREAMS = {
    *("Append", "Merge Append", "Nested Loop", "Subquery Scan", "Result", "LockRows", "Unique"),
    *("Memoize", "ProjectSet", "Incremental Sort", "Merge Join"),
}
_SCANS = ("Index Scan", "Index Only Scan", "Bitmap Index Scan")


@dataclass(frozen=True)
class Said:
    """One statement of a request, with its values and the time it took."""

    statement: str
    values: Any
    ms: float


@dataclass
class Plan:
    """How PostgreSQL reads: by which indexes, and what it reads from end to end."""

    indexes: set[str] = field(default_factory=set)
    full: set[str] = field(default_factory=set)
    bounded: set[str] = field(default_factory=set)

    @property
    def kind(self) -> str:
        """The worst of it in a word."""
        if self.full:
            return "full: " + ", ".join(sorted(self.full))
        return "bounded" if self.bounded else "index" if self.indexes else "small tables"


def prepared(runtime: Runtime) -> dict[str, Any]:
    """Do what all examples prepare, and return the values of addresses that they made."""
    values: dict[str, Any] = {}
    for prepare in dict.fromkeys(one.prepare for one in examples.all_examples().values()):
        # Each was written for an empty town: what another one has made before is there to be read.
        with suppress(Exception):
            values |= prepare(runtime)
    return values


def reads() -> dict[str, Sequence[Mapping[str, Any]]]:
    """What parts say of their own routes: each once for each set of values."""
    found: dict[str, Sequence[Mapping[str, Any]]] = {}
    for module in pkgutil.iter_modules(examples.__path__):
        name = f"{examples.__name__}.{module.name}"
        found |= getattr(importlib.import_module(name), "READS", {})
    return found


def addresses(app: APIFlask, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every address that staff can read, with its endpoint, in the first language.

    A value of `READS` that is itself a name in braces, as "{key}", is one of `values`.
    """
    own = reads()
    for rule in app.url_map.iter_rules():
        is_ours = rule.rule.startswith(("/staff", "/v1/admin"))
        is_door = rule.endpoint.startswith(DOORS)
        if not is_ours or is_door or "GET" not in (rule.methods or ()):
            continue
        known = {name: values.get(name, 1) for name in rule.arguments}
        for asked in own.get(rule.endpoint, ({},)):
            filled = {
                name: value.format_map(values) if isinstance(value, str) else value
                for name, value in asked.items()
            }
            with app.test_request_context():
                path = url_for(rule.endpoint, **{**known, **filled})
            yield rule.endpoint, path


@contextmanager
def heard(engine: Engine) -> Iterator[list[Said]]:
    """The statements that read, of all that runs meanwhile."""
    said: list[Said] = []

    def before(connection: Any, *_: Any) -> None:
        connection.info["begun"] = time.perf_counter()

    def after(
        connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, is_many: bool
    ) -> None:
        ms = (time.perf_counter() - connection.info["begun"]) * 1_000
        if not is_many and statement.lstrip().upper().startswith(("SELECT", "WITH")):
            said.append(Said(statement, values, ms))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    yield said
    event.remove(engine, "before_cursor_execute", before)
    event.remove(engine, "after_cursor_execute", after)


def plan_of(engine: Engine, said: Said, *, by_index: bool) -> Plan:
    """What PostgreSQL would do. `by_index`: what it can do by an index, whatever tables hold."""
    with engine.connect() as connection:
        cursor = connection.connection.cursor()
        for way in ("seqscan", "hashjoin", "mergejoin") if by_index else ():
            cursor.execute(f"SET LOCAL enable_{way} = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {said.statement}", said.values)
        (answer,) = cursor.fetchone() or (None,)
        connection.rollback()
    tree = json.loads(answer) if isinstance(answer, str) else answer
    plan = Plan()
    _look(tree[0]["Plan"], plan, is_bounded=False)
    return plan


def _look(node: Mapping[str, Any], plan: Plan, *, is_bounded: bool) -> None:
    kind, table = node["Node Type"], _table(node.get("Relation Name", ""))
    if kind == "Limit":
        is_bounded = True
    elif kind not in _STREAMS and kind not in (*_SCANS, "Seq Scan", "Bitmap Heap Scan"):
        is_bounded = False  # it takes in all before it gives out the first
    if kind in _SCANS:
        plan.indexes.add(node["Index Name"])
    is_walk = kind == "Seq Scan" or (kind in _SCANS[:2] and "Index Cond" not in node)
    if is_walk and table in BIG and not _is_partial(node.get("Index Name", "")):
        (plan.bounded if is_bounded else plan.full).add(table)
    for child in node.get("Plans", ()):
        _look(child, plan, is_bounded=is_bounded)


def _table(name: str) -> str:
    """The table that a partition belongs to."""
    return re.sub(r"_(default|from_\d+|p\d+)$", "", name)


def _is_partial(index: str) -> bool:
    """Whether an index holds few rows by its own condition: reading all of it is no walk."""
    from service.db import Base

    return any(
        one.name == index and one.dialect_options["postgresql"].get("where") is not None
        for table in Base.metadata.tables.values()
        for one in table.indexes
        if one.name not in WIDE
    )


# Partial, and yet of most rows.
WIDE = (
    "ix_subscription_match",
    "uq_subscription_live",
    "ix_article_public",
    "uq_notification_new_article",
    "ix_notification_uncleared",
)


# What one reader has, or what readers of a range of numbers have.
_OF_FEW = re.compile(
    r"\bWHERE (?:subscription\.destination_id = |d\.id > \S+ AND d\.id <= )", re.IGNORECASE
)


def unbounded_counts(statement: str) -> list[str]:
    """The tables of `COUNTED` that a statement counts without a sub-select that has a limit, or
    a range of readers."""
    found: list[str] = []
    for block in _blocks(statement):
        if re.search(r"\bcount\s*\(", _bare(block), re.IGNORECASE) and not _OF_FEW.search(block):
            found += _unlimited(block)
    return found


def _unlimited(block: str) -> list[str]:
    bare = _bare(block)
    found = [
        name for name in COUNTED if re.search(rf"\b(?:FROM|JOIN)\s+{name}\b", bare, re.IGNORECASE)
    ]
    for sub in re.finditer(r"\b(?:FROM|JOIN)\s*\(", block, re.IGNORECASE):
        inner = _inside(block, sub.end() - 1)
        if not re.search(r"\bLIMIT\b", _bare(inner), re.IGNORECASE):
            found += _unlimited(inner)
    return found


def _blocks(statement: str) -> Sequence[str]:
    """The statement, and all that stands in parentheses in it."""
    starts = [at for at, letter in enumerate(statement) if letter == "("]
    return [statement, *(_inside(statement, at) for at in starts)]


def _inside(text: str, start: int) -> str:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "(") - (text[at] == ")")
        if depth == 0:
            return text[start + 1 : at]
    return text[start + 1 :]


def _bare(text: str) -> str:
    """A text without what stands in parentheses in it; these stay, empty."""
    depth, kept = 0, []
    for letter in text:
        depth -= letter == ")"
        if depth == 0:
            kept.append(letter)
        depth += letter == "("
    return "".join(kept)
