"""What an article teaches once somebody has decided about it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.db import utcnow
from service.learning.archive import ArchiveItem, import_archive
from service.learning.examples import texts
from service.models import Topic
from tests.integration.deciding import CULTURE, SPORT
from tests.integration.town import TOPIC


@pytest.fixture
def taught(runtime):
    """What the one text there is teaches."""

    def taught():
        with runtime.db.read() as session:
            (text,) = texts(session)
        return text.taught

    return taught


@pytest.fixture
def add_topic(runtime):
    def add(slug: str, **values: object) -> None:
        with runtime.db.write() as session:
            session.add(Topic(slug=slug, name_tr=slug, name_en=slug, **values))

    return add


def test_only_a_rejected_topic_is_a_sure_no(editors, taught, town):
    article_id = editors.article("maç", (TOPIC,))  # the climate was published, nobody said why
    editors.label(article_id, {SPORT: True, CULTURE: False})

    labels, doubtful = taught()

    assert labels == {SPORT: True, CULTURE: False}
    assert doubtful == {topic.slug for topic in town.all(Topic)} - {SPORT, CULTURE, TOPIC}


def test_a_topic_that_came_after_the_decision_is_unknown(editors, add_topic, taught):
    add_topic("eski", created_at=None)
    editors.label(editors.article("maç"), {SPORT: True})
    add_topic("yeni")

    doubtful = taught().doubtful

    assert "eski" in doubtful
    assert "yeni" not in doubtful


def test_editors_of_an_archive_deny_nothing(runtime, add_topic, taught):
    items = [ArchiveItem(id="1", title="maç", topics=[SPORT])]
    import_archive(runtime.db, items, utcnow(), lambda _: None)
    add_topic("yeni", created_at=utcnow() + timedelta(seconds=1))

    labels, doubtful = taught()

    assert labels == {SPORT: True}
    assert CULTURE in doubtful
    assert not doubtful & {SPORT, "yeni"}
