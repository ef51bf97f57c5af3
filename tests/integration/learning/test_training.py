"""Training: what it reads, how often it is tried, and that it runs alone."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from service.classify import ArticleText
from service.db import utcnow
from service.learning import examples
from service.learning.archive import ArchiveItem, import_archive
from service.learning.examples import texts
from service.learning.training import decisions_since
from service.ledger.labels import decide
from service.models import LabelState, Learning, ModelVersion
from workers import learn


@pytest.fixture
def archive(runtime):
    """Imports old texts, newest last."""

    def fill(*items: dict[str, Any]) -> None:
        read = [
            ArchiveItem(id=f"a{number}", published_at=f"20{number:02}-01-01T00:00:00Z", **item)
            for number, item in enumerate(items)
        ]
        import_archive(runtime.db, read, utcnow(), lambda _: None)

    return fill


@pytest.fixture
def titles(runtime):
    def titles() -> list[str]:
        with runtime.db.read() as session:
            return [text.article.title for text in texts(session)]

    return titles


def test_of_texts_without_labels_the_newest_are_read(archive, editors, titles, monkeypatch):
    monkeypatch.setattr(examples, "MOST", 3)
    archive(
        *({"title": f"eski {n}"} for n in range(4)),
        *({"title": f"etiketli {n}", "topics": []} for n in range(4)),
    )
    editors.article("haber")
    for _ in range(4):
        editors.label(editors.article("karar"), {"spor": True})

    assert titles() == [
        *["karar"] * 4,
        *(f"etiketli {n}" for n in (3, 2, 1)),
        *("haber", "eski 3", "eski 2"),
    ]


def test_a_text_that_stands_twice_is_learned_from_once(archive, editors, tellal, town):
    editors.decide(60)
    archive(*[{"title": "aynı metin"}] * 5, {"title": "başka metin"})
    tellal("train")

    (model,) = town.all(ModelVersion)
    assert model.examples == 62


def test_with_too_few_decisions_no_text_is_read(archive, editors, tellal, monkeypatch):
    archive({"title": "eski"})
    editors.decide(4)
    monkeypatch.setattr(ArticleText, "__init__", pytest.fail)

    assert "4 articles have decisions" in tellal("train").output


@pytest.fixture
def hour(runtime, clock, monkeypatch):
    """One more hour has passed; tells whether a training was begun, which here always fails."""
    begun = []

    def in_this_process(*_: object, **__: object) -> None:
        begun.append(1)
        learn.refit(runtime.db, runtime.settings, clock())

    monkeypatch.setattr(subprocess, "run", in_this_process)
    monkeypatch.setattr("service.learning.training.train", lambda *_, **__: 1 / 0)

    def hour() -> bool:
        clock.advance(hours=1)
        before = len(begun)
        with suppress(ZeroDivisionError):
            learn.refit_if_due(runtime)
        return len(begun) > before

    return hour


def test_what_failed_is_not_tried_again_before_the_next_night(editors, hour):
    editors.decide(60)

    assert [hour() for _ in range(25)] == [True, *[False] * 22, True, False]


def test_a_second_training_is_told_that_one_is_running(editors, tellal, runtime, town):
    editors.decide(60)
    with runtime.db.write() as session:
        session.add(Learning(id=1, begun_at=utcnow() - timedelta(minutes=1)))

    refused = tellal("train")
    with runtime.db.write() as session:
        session.execute(update(Learning).values(begun_at=utcnow() - timedelta(minutes=16)))
    tried = tellal("train")

    assert refused.exit_code == 2
    assert "a training is running since" in refused.output
    assert tried.exit_code == 0, "one that was killed is in nobody's way for ever"
    assert town.count(ModelVersion) == 1


def test_a_decision_that_later_revisions_take_over_is_one(cms, town, runtime, work):
    cms.post()
    work()
    with runtime.db.write() as session:
        decide(session, 1, town.topic("spor"), LabelState.PUBLISHED, utcnow())
    for number in range(3):
        cms.post(summary=f"Yeni özet {number}")
        work()

    with runtime.db.read() as session:
        assert decisions_since(session) == 1
