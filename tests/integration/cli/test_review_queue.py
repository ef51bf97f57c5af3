"""`tellal review`: what is asked, in which order, and what is asked no more."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import (
    AuditEntry,
    LabelOrigin,
    LabelState,
    MailboxMessage,
    Revision,
    RevisionState,
    Topic,
    TopicLabel,
)
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")

CLIMATE = "iklim-cevre"
NOTHING = ["Nothing waits for review."]


@pytest.fixture
def later(work, clock):
    def later(hours: float = 1) -> None:
        work()
        clock.advance(hours=hours)
        work()

    return later


def invoke(*words: str) -> Result:
    staff = () if words[0] == "list" else ("--staff", EDITOR)
    return CliRunner().invoke(cli, ("review", *words, *staff))


def test_the_list_shows_articles_without_a_topic_and_uncertain_labels(cms, town, work, runtime):
    cms.post(id="1", title="Başlık", summary="Metin.", body_html=None, url="https://a.example/1")
    cms.post(id="2", url="https://www.example.bel.tr/haber/2")
    work()
    with runtime.db.write() as session:
        session.query(TopicLabel).update({"state": LabelState.REVIEW, "score": 0.4})

    first, second, *_ = invoke("list").output.splitlines()

    assert first == "1\tno topic\tBaşlık"
    assert second.startswith(f"2\t{CLIMATE} 0.40 (")


def ids_listed(limit: int = 20) -> list[str]:
    found = invoke("list", "--limit", str(limit)).stdout.splitlines()
    return [line.partition("\t")[0] for line in found]


def test_the_list_shows_each_kind_in_turn_however_many_wait(town, runtime):
    damaged = [town.article((), state=RevisionState.QUARANTINED) for _ in range(5)]
    topicless = [town.article(()) for _ in range(5)]
    asked = [town.article() for _ in range(5)]
    with runtime.db.write() as session:
        session.query(TopicLabel).update({"state": LabelState.REVIEW, "score": 0.4})

    newest = [str(kind[-1 - turn]) for turn in range(2) for kind in (damaged, topicless, asked)]

    assert ids_listed(limit=6) == newest
    assert len(ids_listed(limit=15)) == 15


def test_an_article_about_none_of_the_topics_is_asked_about_no_more(
    cms, town, later, client, full_audit
):
    cms.post()
    later()
    cms.post(id="2", title="Başlık", summary="Metin.", body_html=None, url="https://a.example/2")
    later()
    assert ids_listed() == ["2"]

    results = [invoke("none", number) for number in ("1", "2")]
    cms.post(summary="İklim, karbon, sera gazı, iklim krizi: yeni metin.")
    later()

    assert [result.exit_code for result in results] == [0, 0]
    assert "about none of the topics, for good" in results[1].stdout
    assert ids_listed() == NOTHING
    assert cms.article()["title"] not in client.get(f"/feeds/{CLIMATE}.rss").text
    assert [entry.act for entry in town.all(AuditEntry)] == ["review.none"] * 2
    newest = max(row.revision_id for row in town.all(TopicLabel))
    labels = [row for row in town.all(TopicLabel) if row.revision_id == newest]
    assert {(row.state, row.origin) for row in labels} == {("dropped", LabelOrigin.STAFF)}
    assert len(labels) == town.count(Topic)


def test_an_article_whose_only_question_was_rejected_is_asked_about_no_more(cms, work):
    cms.post()
    work()

    invoke("reject", "1", CLIMATE)

    assert ids_listed() == NOTHING


def test_an_old_article_without_a_topic_is_not_asked_about(town, clock):
    article = town.article(())
    assert ids_listed() == [str(article)]

    clock.advance(days=8)

    assert ids_listed() == NOTHING


def test_an_empty_queue_says_so():
    assert invoke("list").output == "Nothing waits for review.\n"


def test_a_damaged_text_is_listed_with_its_damage_until_it_comes_sound(cms, later) -> None:
    cms.post(title="?klim ?antiyesi Bü?üdü")
    later(0)

    assert "damaged text: letters lost as question marks" in invoke("list").stdout

    cms.post(title="İklim Şantiyesi Büyüdü")
    later(0)

    assert "damaged" not in invoke("list").stdout


def test_a_text_that_only_looks_damaged_is_told_once_staff_release_it(
    cms, town, later, client, full_audit
):
    town.reader(CLIMATE, address="okur@example.org")
    names = "Guðmundur ve Þórdís: iklim, karbon"
    assert cms.post(title=names, summary="", body_html=None).json["status"] == "quarantined"
    later()
    assert town.all(MailboxMessage) == []

    result = invoke("release", "1")
    later()

    assert result.exit_code == 0, result.output
    assert [(mail.recipient, mail.subject) for mail in town.all(MailboxMessage)] == [
        ("okur@example.org", names)
    ]
    assert names in client.get(f"/feeds/{CLIMATE}.rss").text
    assert [(entry.act, entry.object_id) for entry in town.all(AuditEntry)] == [
        ("review.release", 1)
    ]
    assert ids_listed() == NOTHING
    assert cms.post(title=names, summary="", body_html=None).json["status"] == "unchanged"


def test_a_released_edit_replaces_the_text_and_is_no_news(cms, town, later, client, full_audit):
    town.reader(CLIMATE)
    cms.post()
    later()
    cms.post(title="Guðmundur ve Þórdís: iklim", summary="", body_html=None)
    later()
    assert "Þórdís" not in client.get(f"/feeds/{CLIMATE}.rss").text

    invoke("release", "1")
    later()

    assert "Þórdís" in client.get(f"/feeds/{CLIMATE}.rss").text
    assert town.mails().total() == 1


@pytest.mark.parametrize(
    ("number", "said"), [("1", "was not taken for damaged"), ("9", "there is no article 9")]
)
def test_what_is_not_in_quarantine_cannot_be_released(cms, town, work, number, said):
    cms.post()
    work()

    result = invoke("release", number)

    assert (result.exit_code, said in result.output) == (2, True)
    assert town.all(AuditEntry) == []
    assert [row.state for row in town.all(Revision)] == [RevisionState.CLASSIFIED]


def test_a_decision_is_listed_and_undone_by_its_number(cms, town, work):
    cms.post()
    work()
    assert invoke("reject", "1", CLIMATE).exit_code == 0
    listed = CliRunner().invoke(cli, ("review", "decisions")).stdout
    assert listed.startswith("1\t")
    assert f"reject\tarticle 1\t{CLIMATE}" in listed
    assert "is undone" in invoke("undo", "1").output
    again = invoke("undo", "1")
    assert (again.exit_code, "undone already" in again.output) == (2, True)
    assert "undone" in CliRunner().invoke(cli, ("review", "decisions")).stdout
    refused = invoke("same", "1")
    assert refused.exit_code == 2
