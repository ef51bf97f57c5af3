"""`tellal article`: what staff do to one article, told to the right people and written down."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.ingest.upsert import WITHHELD
from service.models import (
    Article,
    AuditEntry,
    Frequency,
    InboxEvent,
    MailboxMessage,
    Revision,
    Source,
    Staff,
)

pytestmark = pytest.mark.usefixtures("command_line")

EDITORS = ("ayse@example.org", "mehmet@example.org")


@pytest.fixture(autouse=True)
def editors(runtime):
    with runtime.db.write() as session:
        session.add_all(Staff(email=email, fs_uniquifier=email) for email in EDITORS)


@pytest.fixture
def later(work, clock):
    """Does what waits, now and in an hour."""

    def later() -> None:
        work()
        clock.advance(hours=1)
        work()

    return later


def invoke(*words: str, staff: str = EDITORS[0]) -> Result:
    return CliRunner().invoke(cli, ("article", *words, "--staff", staff))


def subjects(town) -> list[str]:
    return [mail.subject for mail in sorted(town.all(MailboxMessage), key=lambda mail: mail.id)]


def told_of_it(town) -> int:
    """How many letters brought an article; the day's digest has its hour, whatever happens."""
    gathered = "Bugünün haberleri"
    return sum(not subject.startswith(gathered) for subject in subjects(town))


@pytest.fixture
def article(cms, town, later) -> Any:
    """One that a reader was told."""
    town.reader()
    cms.post()
    later()
    assert len(subjects(town)) == 1
    return town.all(Article)[0]


def test_withdrawing_takes_it_back_and_tells_those_who_got_it(article, cms, town, later, client):
    result = invoke("withdraw", str(article.id), "--tell", "--note", "Yanlıştı.")
    later()

    assert result.output == (
        f"Article {article.id} is withdrawn.\nThose who got it will be told.\n"
    )
    assert subjects(town)[1].startswith("Geri çekildi: ")
    assert town.all(Article)[0].state == "withdrawn"
    assert cms.article()["title"] not in client.get("/feeds/all.rss").text
    (entry,) = town.all(AuditEntry)
    assert (entry.act, entry.object_id, entry.staff_id) == ("article.withdraw", article.id, 1)
    assert entry.detail == {"tell": True, "note": "Yanlıştı."}


def test_correcting_after_a_silent_edit_tells_those_who_got_the_old_text(article, cms, town, later):
    cms.post(title="İklim eylem planı: yeni tarih")
    later()
    assert len(subjects(town)) == 1

    result = invoke("correct", str(article.id), "--note", "Tarih değişti.")
    later()
    invoke("correct", str(article.id))
    later()

    assert "will be told" in result.output
    assert "the CMS sends a new one first" in result.output
    assert subjects(town)[1:] == ["Düzeltme: İklim eylem planı: yeni tarih"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": "\ufffd\ufffd b\ufffdy\ufffdk", "body_html": "\ufffd " * 50}, "arrived damaged"),
        ({"commercial": True}, "is advertising by now"),
    ],
)
def test_what_may_be_told_to_nobody_is_not_corrected(article, cms, town, later, fields, said):
    cms.post(**fields)
    later()

    result = invoke("correct", str(article.id))

    assert result.exit_code != 0
    assert said in result.output
    assert len(town.news()) == 1
    assert town.all(AuditEntry) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("correct", "99"), "there is no article 99"),
        (("approve", "99"), "there is no article 99"),
    ],
)
def test_an_unknown_article_is_named(words, said):
    result = invoke(*words)

    assert result.exit_code != 0
    assert said in result.output


def test_nobody_of_the_staff_may_act(article, town):
    result = invoke("withdraw", str(article.id), staff="kim@example.org")

    assert "nobody of the staff" in result.output
    assert town.all(Article)[0].state == "published"


def test_urgent_news_reach_digest_readers_only_when_two_people_say_so(cms, town, later, runtime):
    town.reader()
    daily = town.reader(frequency=Frequency.DAILY, address="daily@example.org")
    cms.post(urgent=True)
    later()
    assert told_of_it(town) == 1
    (article,) = town.all(Article)

    first = invoke("approve", str(article.id))
    twice = invoke("approve", str(article.id))
    later()
    assert first.output == "One more approval is needed.\n"
    assert "you approved it already" in twice.output
    assert told_of_it(town) == 1

    second = invoke("approve", str(article.id), staff=EDITORS[1])
    later()

    assert second.output == "It goes to everybody now.\n"
    assert told_of_it(town) == 2
    (notification,) = town.news()
    assert (notification.state, notification.planned) == ("done", 2)
    assert town.states(notification.id)[daily].word == "sent"


def test_ordinary_news_cannot_be_approved_for_everybody(article, town):
    result = invoke("approve", str(article.id))

    assert "only urgent news" in result.output


def test_a_source_without_the_right_sends_ordinary_news(cms, town, runtime, clock):
    with runtime.db.write() as session:
        session.query(Source).update({"may_send_urgent": False})
    cms.post(urgent=True)

    (article,), (notification,) = town.all(Article), town.news()
    assert (article.is_urgent, notification.is_urgent) == (False, False)
    assert notification.release_at > clock()


def test_urgent_news_that_were_withdrawn_cannot_be_approved(cms, town, later):
    town.reader(frequency=Frequency.DAILY)
    cms.post(urgent=True)
    later()
    cms.withdraw()
    (article,) = town.all(Article)

    results = [invoke("approve", str(article.id), staff=staff) for staff in EDITORS]
    later()

    assert ["it was withdrawn" in result.output for result in results] == [True, True]
    assert subjects(town) == []


NEWER = "İklim eylem planı: yeni tarih"


@pytest.mark.parametrize("fields", [{}, {"title": NEWER}, {"title": NEWER, "urgent": True}])
def test_what_staff_withdrew_stays_withdrawn_whatever_its_cms_sends(
    article, cms, town, later, client, fields
):
    town.reader()
    invoke("withdraw", str(article.id))
    for again in range(2):
        status = cms.post(**fields, notify_update=True).json["status"]
        assert status == ("accepted" if fields and not again else "unchanged")
        later()
        cms.withdraw(notify_update=True)

    assert town.all(Article)[0].state == "withdrawn"
    assert len(subjects(town)) == 1
    assert "/haber/58150" not in client.get("/feeds/all.rss").text
    titles = [row.title for row in town.all(Revision)]
    assert (NEWER in titles) == bool(fields)
    assert {row.reason for row in town.all(InboxEvent)[1:]} == {WITHHELD}


def test_publishing_again_shows_the_newest_text_and_tells_those_who_got_another(
    article, cms, town, later, client
):
    town.reader()  # was never told, and is not told now
    invoke("withdraw", str(article.id), "--tell")
    later()
    cms.post(title=NEWER)
    later()

    result = invoke("republish", str(article.id), "--tell", "--note", "Haber doğruydu.")
    later()

    assert result.output == (
        f"Article {article.id} is published again.\nThose who got it will be told.\n"
    )
    assert subjects(town)[2:] == [f"Düzeltme: {NEWER}"]
    assert NEWER in client.get("/feeds/all.rss").text
    assert cms.post(title="Bir düzeltme daha").json["status"] == "accepted"
    later()
    assert "Bir düzeltme daha" in client.get("/feeds/all.rss").text
    acts = [row.act for row in sorted(town.all(AuditEntry), key=lambda row: row.id)]
    assert acts == ["article.withdraw", "article.republish"]


def test_publishing_again_tells_nobody_unless_it_is_asked_to(article, town, later):
    invoke("withdraw", str(article.id), "--tell")
    result = invoke("republish", str(article.id))
    later()

    assert result.output == f"Article {article.id} is published again.\n"
    assert len(subjects(town)) == 1


def test_what_was_withdrawn_before_it_was_told_is_news_when_it_is_published_again(
    cms, town, later, client
):
    town.reader()
    cms.post()
    (article,) = town.all(Article)
    invoke("withdraw", str(article.id))
    later()
    invoke("republish", str(article.id))
    later()

    assert subjects(town) == [cms.article()["title"]]
    assert cms.article()["title"] in client.get("/feeds/all.rss").text


def test_what_its_cms_withdrew_too_waits_for_its_cms(article, cms, town, later):
    invoke("withdraw", str(article.id))
    cms.withdraw()

    result = invoke("republish", str(article.id))

    assert "its CMS withdrew it too" in result.output
    assert town.all(Article)[0].state == "withdrawn"
    cms.post()
    assert town.all(Article)[0].state == "published"


def test_only_what_staff_withdrew_can_be_published_again(article, cms, town):
    assert "is published" in invoke("republish", str(article.id)).output
    cms.withdraw()
    assert "its CMS withdrew it" in invoke("republish", str(article.id)).output
    assert town.all(Article)[0].state == "withdrawn"
    assert town.all(AuditEntry) == []


def test_the_notice_of_a_withdrawal_does_not_tell_what_its_cms_sent_since(
    article, cms, town, later, work, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr("workers.email.task.deliver_batch", lambda *_: None)  # queued, not sent
        invoke("withdraw", str(article.id), "--tell")
        work()
        cms.post(title=NEWER)
        work()
        cms.post(title=f"{NEWER}!")
        cms.post(title=NEWER)
    later()

    assert subjects(town)[1:] == [f"Geri çekildi: {cms.article()['title']}"]
    number = str(town.all(Article)[0].id)
    asked = CliRunner().invoke(cli, ("article", "who-would-be-told", number))
    assert asked.output.startswith("Nobody would be told: it is withdrawn.\n")


def test_holding_and_releasing_by_hand(article, town, cms, later):
    cms.post(id="2", title="İklim eylem planı: ikinci haber", url="https://www.example.bel.tr/2")
    held = invoke("hold", "2", "--minutes", "600", "--reason", "Bekle")
    assert "Article 2 is held until" in held.output
    later()
    assert len(subjects(town)) == 1

    asked = CliRunner().invoke(cli, ("article", "who-would-be-told", "2", "--topic", "spor"))
    figures = dict(line.strip().rsplit(maxsplit=1) for line in asked.output.splitlines())
    assert (figures["Planned in all"], figures["at once"]) == ("1", "1")
    assert {figures.pop(name) for name in list(figures)[2:]} == {"0"}
    result = invoke("release", "2", "--reason", "Metin doğru")
    later()

    assert result.output == "Article 2 is on its way.\n"
    assert subjects(town)[1:] == ["İklim eylem planı: ikinci haber"]
    late = invoke("hold", "2", "--minutes", "60", "--reason", "Geç")
    assert late.exit_code != 0
    assert "not held any more" in late.output
    assert [entry.act for entry in town.all(AuditEntry)] == ["article.hold", "article.release"]


def test_a_text_that_was_given_up_is_classified_once_more(article, runtime, town, later):
    refused = invoke("reclassify", str(article.id), "--reason", "Deneme")
    assert "was classified" in refused.output
    with runtime.db.write() as session:
        row = session.get_one(Revision, article.revision_id)
        row.state, row.attempts, row.failure = "quarantined", 8, "ValueError"
    result = invoke("reclassify", str(article.id), "--reason", "Model düzeldi")
    later()
    assert result.output == f"Article {article.id} will be classified again.\n"
    assert town.get(Revision, article.revision_id).state == "classified"
    assert len(subjects(town)) == 1, "nobody is told twice"
