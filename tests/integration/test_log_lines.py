"""One id from the webhook to the mailbox: in every line that a stage writes, errors included."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
from apiflask import APIFlask

from service import logs
from service.tasks import Task
from workers.plan import release_and_ring
from workers.stages import STAGES, at_the_border


class Lines:
    """What a process writes to standard error."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def take(self) -> list[dict[str, Any]]:
        """The lines since the last look."""
        found = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        self.stream.seek(0)
        self.stream.truncate()
        return found


@pytest.fixture
def lines(app: APIFlask) -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    logs.configure("INFO")
    lines = Lines()
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(lines.stream)
    yield lines
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_request_is_named_in_each_line_of_each_stage(cms, town, runtime, lines, clock):
    town.reader()
    answer = cms.post()
    request_id = answer.headers["X-Request-Id"]
    assert request_id
    lines.take()

    STAGES[Task.CLASSIFY_REVISION](runtime, answer.json["revision"])
    (notification,) = town.news()
    clock.advance(minutes=10)  # its hold
    at_the_border("release", release_and_ring)(runtime, notification.id)
    STAGES[Task.PLAN_NOTIFICATION](runtime, notification.id)
    (batch,) = town.batches()
    STAGES[Task.EMAIL_BATCH](runtime, batch)

    found = lines.take()
    assert {line["request_id"] for line in found} == {request_id}
    assert [line["event"] for line in found] == ["classified", "released", "planned", "batch done"]


def test_the_end_of_a_batch_says_how_many_it_had_and_what_it_took(cms, town, runtime, lines, clock):
    town.reader()
    revision = cms.post().json["revision"]
    STAGES[Task.CLASSIFY_REVISION](runtime, revision)
    (notification,) = town.news()
    clock.advance(minutes=10)  # its hold
    release_and_ring(runtime, notification.id)
    STAGES[Task.PLAN_NOTIFICATION](runtime, notification.id)
    (batch,) = town.batches()
    lines.take()

    STAGES[Task.EMAIL_BATCH](runtime, batch)

    (done,) = lines.take()
    assert done["deliveries"] == 1
    assert done["took_s"] > 0


@pytest.mark.parametrize(
    ("task", "breaks", "event"),
    [
        (Task.CLASSIFY_REVISION, "workers.classify.current_classifier", "stage failed"),
        (Task.PLAN_NOTIFICATION, "workers.plan.plan_range", "stage failed"),
        (Task.EMAIL_BATCH, "workers.email.task.tell", "batch cannot be prepared"),
    ],
)
def test_a_stage_that_fails_says_of_which_request(
    cms, town, runtime, lines, clock, monkeypatch, task, breaks, event
):
    def broken(*_: object) -> None:
        raise LookupError("a broken row")

    town.reader()
    answer = cms.post()
    rows = {Task.CLASSIFY_REVISION: answer.json["revision"]}
    if task is not Task.CLASSIFY_REVISION:
        STAGES[Task.CLASSIFY_REVISION](runtime, answer.json["revision"])
        (rows[Task.PLAN_NOTIFICATION],) = (row.id for row in town.news())
        clock.advance(minutes=10)
        release_and_ring(runtime, rows[Task.PLAN_NOTIFICATION])
    if task is Task.EMAIL_BATCH:
        STAGES[Task.PLAN_NOTIFICATION](runtime, rows[Task.PLAN_NOTIFICATION])
        (rows[Task.EMAIL_BATCH],) = town.batches()
    lines.take()
    monkeypatch.setattr(breaks, broken)

    fails = pytest.raises(LookupError) if event == "stage failed" else nullcontext()
    with fails:
        STAGES[task](runtime, rows[task])

    (line,) = lines.take()
    assert (line["event"], line["level"]) == (event, "error")
    assert line["request_id"] == answer.headers["X-Request-Id"]
    assert "a broken row" in str(line["exception"])


def test_the_ids_of_one_row_are_forgotten_before_the_next(cms, town, runtime, lines):
    town.reader()
    answers = [cms.post(id=str(number), title=f"İklim {number}") for number in range(2)]
    lines.take()
    with logs.lines_of(process="test"):
        for answer in answers:
            STAGES[Task.CLASSIFY_REVISION](runtime, answer.json["revision"])
        logs.get_logger("test").info("between")

    found = {line["event"]: line for line in lines.take()}
    assert found["classified"]["request_id"] == answers[1].headers["X-Request-Id"]
    assert "process" not in found["classified"]
    assert "request_id" not in found["between"]
    assert found["between"]["process"] == "test"
