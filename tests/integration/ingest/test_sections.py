"""A section of the CMS decides over the words of the article, and the staff over both."""

from __future__ import annotations

from sqlalchemy import update

from service.models import LabelOrigin, LabelState, Topic, TopicLabel
from workers.classify import classify_revision


def labels(town):
    slugs = {topic.id: topic.slug for topic in town.all(Topic)}
    return {
        (label.revision_id, slugs[label.topic_id]): (label.state, label.origin, label.score)
        for label in town.all(TopicLabel)
    }


def test_section_publishes_its_topic_beside_what_the_words_say(cms, town, runtime):
    revision = cms.post(sections=["Spor"]).json["revision"]
    classify_revision(runtime, revision)

    found = labels(town)
    assert found[revision, "spor"] == (LabelState.PUBLISHED, LabelOrigin.SOURCE, 1.0)
    assert found[revision, "iklim-cevre"][1] == LabelOrigin.CLASSIFIER


def test_what_the_staff_took_away_stays_away(cms, town, runtime):
    first = cms.post(sections=["Spor"]).json["revision"]
    classify_revision(runtime, first)
    with runtime.db.write() as session:
        session.execute(
            update(TopicLabel)
            .where(TopicLabel.origin == LabelOrigin.SOURCE)
            .values(state=LabelState.DROPPED, origin=LabelOrigin.STAFF)
        )

    second = cms.post(sections=["Spor"], title="Yeni başlık").json["revision"]
    classify_revision(runtime, second)

    assert labels(town)[second, "spor"][:2] == (LabelState.DROPPED, LabelOrigin.STAFF)
