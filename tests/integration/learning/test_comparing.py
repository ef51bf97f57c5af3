"""Which new model is used: one that does no worse on decisions that neither has learned from."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.learning.archive import ArchiveItem, import_archive
from service.models import ModelState, ModelVersion, Topic
from tests.integration.deciding import CULTURE, NEW_SPORT, SPORT, probability

OTHER = {SPORT: CULTURE, CULTURE: SPORT}


@pytest.fixture
def latest(town):
    """The newest model."""
    return lambda: max(town.all(ModelVersion), key=lambda row: row.id)


@pytest.fixture
def archived(runtime):
    """Imports old texts whose editors gave them a topic."""

    def fill(count: int) -> None:
        items = [
            ArchiveItem(id=str(n), title=f"eski haber {n}", topics=[SPORT]) for n in range(count)
        ]
        import_archive(runtime.db, items, utcnow(), lambda _: None)

    return fill


def test_a_model_that_does_worse_on_later_decisions_is_kept_and_not_used(
    editors, tellal, town, runtime
):
    editors.decide(80)
    tellal("train")
    before = probability(runtime, NEW_SPORT, SPORT)
    editors.decide(120, OTHER.__getitem__)  # a slip for weeks
    editors.decide(40)  # seen, and ended

    result = tellal("train")

    assert "Model 2 is kept, not used: it does worse on the latest" in result.output
    states = {row.id: row.state for row in town.all(ModelVersion)}
    assert states == {1: ModelState.ACTIVE, 2: ModelState.CANDIDATE}
    assert probability(runtime, NEW_SPORT, SPORT) == before > 0.6
    assert "It was not used at once: it does worse" in tellal("report", "2").stdout


def test_what_the_model_in_use_was_trained_on_is_no_test_for_it(editors, tellal, latest):
    editors.decide(80)
    tellal("train")
    assert latest().report["articles"] == 20

    editors.decide(19)
    few = tellal("train")
    assert "fewer than 20 articles were decided since the model in use was trained" in few.output
    assert latest().report["articles"] == 0
    assert tellal("list").stdout.splitlines()[0].endswith("not compared")
    assert "Compared" not in tellal("report", "2").stdout

    editors.decide(1)
    assert "Model 3 is in use." in tellal("train").output
    assert latest().report["articles"] == 20


def test_a_new_word_about_an_old_article_does_not_make_it_unseen(editors, tellal, town, latest):
    first = editors.article("hakem düdük")
    editors.label(first, {SPORT: True})
    editors.decide(79)
    tellal("train")
    editors.decide(19)
    editors.label(first, {CULTURE: False})

    tellal("train")

    assert latest().report["articles"] == 0


def test_a_copy_of_what_the_model_in_use_knows_is_no_test_for_it(editors, tellal, latest):
    editors.label(editors.article("hakem düdük"), {SPORT: True})
    editors.decide(79)
    tellal("train")
    editors.decide(19)
    editors.label(editors.article("hakem düdük"), {SPORT: True})

    tellal("train")

    assert latest().report["articles"] == 0


def test_an_archive_is_learned_from_but_is_no_later_decision(editors, tellal, archived, latest):
    editors.decide(60)
    archived(100)

    tellal("train")

    assert latest().examples == 160
    assert latest().report["articles"] == 20, "a fifth of the decisions would be less"


def test_an_archive_is_no_decision_of_the_staff(editors, tellal, archived):
    editors.decide(20)
    archived(100)

    assert "20 articles have decisions of the staff; training needs 50" in tellal("train").output


def test_a_copy_in_the_archive_does_not_tell_the_answer(editors, tellal, runtime, latest):
    editors.decide(59)
    editors.label(editors.article("aynı metin"), {SPORT: True})
    items = [ArchiveItem(id="1", title="aynı metin", body="aynı metin", topics=[CULTURE])]
    import_archive(runtime.db, items, utcnow(), lambda _: None)

    tellal("train")

    assert latest().examples == 60


def test_topics_are_published_from_their_own_thresholds(editors, tellal, runtime, latest):
    editors.decide(80)
    with runtime.db.write() as session:
        session.execute(update(Topic).values(publish=1.0))

    tellal("train")

    assert latest().report["new"]["published"] == 0
    assert "–" in tellal("report", "1").stdout, "no precision without a text that is published"
