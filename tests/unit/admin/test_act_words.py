"""Staff read words, not names of the code: every act and every kind of job has some."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import service
from service.admin.account_acts import ACTS
from service.admin.act_words import WORDS
from service.admin.job_acts import TITLES
from service.ingest.managing.pulls import PullAct
from service.jobs import KINDS
from service.ledger.given_up import Given
from service.models import Decision

ROOT = Path(service.__file__).parent
WRITERS = {"record", "acting", "_acting", "_suppress"}
ACT = re.compile(r"[a-z]+\.[a-z]+(-[a-z]+)*")
MADE = {
    *(f"staff.{name}" for name in ACTS),
    *(f"{kind}.{act}" for kind in Given for act in ("retry", "retry-all", "discard")),
    *(f"source.pull-{act}" for act in PullAct),
    *(f"review.{decision}" for decision in Decision if decision not in ("same", "split")),
    *(f"deliveries.{act}" for act in ("pause", "resume", "cancel")),
}


def written() -> Iterator[str]:
    """The names that stand in calls which write to the log."""
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
                called = node.func.id if isinstance(node.func, ast.Name) else called
                if called in WRITERS:
                    for value in node.args:
                        if isinstance(value, ast.Constant) and ACT.fullmatch(str(value.value)):
                            yield str(value.value)


def test_every_act_has_its_words() -> None:
    found = set(written())
    assert len(found) > 50
    assert (found | MADE) - set(WORDS) == set()


def test_every_kind_of_job_has_its_words() -> None:
    assert set(TITLES) == set(KINDS)
