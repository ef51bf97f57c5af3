"""What is asked of the database is also read: a cursor left open keeps its snapshot for good."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = [path for part in ("service", "workers") for path in (ROOT / part).rglob("*.py")]


def unread(source: str) -> Iterator[int]:
    """Lines that execute a `select` as a statement of their own and drop its result."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(ast.Call(ast.Attribute(attr="execute" | "scalars"), [asked, *_])):
                names = {name.id for name in ast.walk(asked) if isinstance(name, ast.Name)}
                writes = names & {"insert", "update", "delete", "text"}
                # A lock without a table is PostgreSQL's alone, and has no snapshot to keep.
                if "select" in names and not writes and "func" not in names:
                    yield node.lineno
            case _:
                pass


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_select_is_left_unread(path):
    assert list(unread(path.read_text())) == []


def test_an_unread_select_is_seen():
    assert list(unread("session.execute(\n select(A.id).with_for_update()\n)")) == [1]
    assert list(unread("found = session.execute(select(A.id))")) == []
    assert list(unread("session.execute(update(A).where(A.id == select(B.id)))")) == []
