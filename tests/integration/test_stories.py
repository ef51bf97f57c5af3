"""Articles that tell the same event: a reader hears of it once, and staff can part them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import event, update

from service.classify.stories import Match, Shingles, is_same_story
from service.cli import cli
from service.db import utcnow
from service.ledger.stories import recent
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    Destination,
    MailboxMessage,
    Notification,
    NotificationState,
    Revision,
    Staff,
    StoryLink,
)
from service.settings import Settings
from workers.classify import classify_revision
from workers.plan import plan_notification

EDITOR = "ayse@example.org"
TEXT = (
    "İklim eylem planı kapsamında körfez kıyısında yeni bir sulak alan kurulacak. Çalışmalar "
    "haziran ayında başlayacak, karbon salımı azalacak ve kuşlar için güvenli bir yaşam alanı "
    "doğacak. Belediye ekipleri ağaçlandırma için gün sayıyor."
)
OTHER = (
    "Kentin iklim krizine karşı hazırladığı rapor kamuoyuna sunuldu. Raporda sera gazı "
    "salımının on yılda yarıya inmesi, binaların yenilenmesi ve toplu taşımanın "
    "güçlenmesi hedefleniyor. Uzmanlar sonuçları olumlu buldu."
)


@pytest.fixture(autouse=True)
def _environment(settings: Settings, runtime: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAL_VAR_DIR", str(settings.var_dir))
    monkeypatch.setenv("TELLAL_LOG_LEVEL", "ERROR")
    for name in ("database_url", "redis_url", "secret_key", "encryption_key"):
        monkeypatch.setenv(f"TELLAL_{name.upper()}", getattr(settings, name).get_secret_value())
    with runtime.db.write() as session:
        session.add(Staff(email=EDITOR, fs_uniquifier=EDITOR))


@pytest.fixture
def send(cms):
    """Posts an article, and does no more."""

    def send(number: int, body: str = TEXT, **fields: Any) -> int:
        url = f"https://www.example.bel.tr/haber/{number}"
        answer = cms.post(
            id=str(number), url=url, summary="", body_text=body, body_html=None, **fields
        )
        return int(answer.json["article_id"])

    return send


@pytest.fixture
def pass_hour(work, clock):
    """Does all the work of the next hour."""

    def pass_hour() -> None:
        work()
        clock.advance(hours=1)
        work()

    return pass_hour


@pytest.fixture
def post(send, pass_hour):
    """Posts an article and does all the work of the next hour."""

    def post(number: int, body: str = TEXT, **fields: Any) -> int:
        article_id = send(number, body, **fields)
        pass_hour()
        return article_id

    return post


@pytest.fixture
def plan(runtime, town):
    """Plans articles that were just sent, at once; nothing of them goes out yet."""

    def plan(*article_ids: int) -> None:
        for revision in town.all(Revision):
            classify_revision(runtime, revision.id)
        now = utcnow()
        for notification in town.all(Notification):
            if notification.article_id in article_ids:
                with runtime.db.write() as session:
                    session.execute(
                        update(Notification)
                        .where(Notification.id == notification.id)
                        .values(state=NotificationState.RELEASED, released_at=now)
                    )
                plan_notification(runtime, notification.id)

    return plan


def story(*words: str) -> Result:
    return CliRunner().invoke(cli, ("story", *words))


def stories(town: Any) -> int:
    return len({article.story_id for article in town.all(Article)})


def test_a_reader_is_told_a_story_once_and_a_new_reader_still_hears_of_it(
    post, town, full_audit
) -> None:
    town.reader(address="eski@example.org")
    first = post(1)
    town.reader(address="yeni@example.org")
    second = post(2, TEXT + " Ayrıntılar açıklanacak.")

    told = sorted(mail.recipient for mail in town.all(MailboxMessage))
    assert told == ["eski@example.org", "yeni@example.org"]
    assert stories(town) == 1
    (link,) = town.all(StoryLink)
    assert (link.article_id, link.earlier_id) == (second, first)
    assert link.evidence["measure"] in ("jaccard", "containment")
    assert link.evidence["value"] > 0.8
    assert story("list").stdout.startswith(f"{second} repeats {first}\t")


@pytest.mark.parametrize(
    ("body", "fields"),
    [(OTHER, {}), (TEXT, {"places": ["konak"]})],
    ids=["other words", "another district"],
)
def test_another_event_is_another_story(post, town, body: str, fields: dict[str, Any]) -> None:
    town.reader()
    post(1)
    post(2, body, title="İklim için başka bir haber", **fields)

    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2


@pytest.mark.parametrize(
    ("before", "after"),
    [("25 Kasım", "26 Kasım"), ("yarın", "bugün"), ("Kazımdirik", "Erzene")],
)
def test_the_next_water_cut_is_told(post, town, full_audit, before: str, after: str) -> None:
    town.reader(None)
    notice = (
        "Bornova ilçesinde arıza onarım çalışması nedeniyle Kazımdirik Mahallesi'nde 25 Kasım 2026 "
        "günü, yarın, saat 09.00 ile 17.00 arasında su kesintisi yapılacağı duyuruldu. Ayrıntılı "
        "bilgi için 444 0 847 numaralı telefon aranabilir ya da 185 hattına başvurulabilir."
    )
    post(1, notice, title="Bornova'da su kesintisi")
    post(2, notice.replace(before, after), title="Bornova'da su kesintisi")

    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2


def test_the_same_words_after_four_days_are_news_again(post, town, clock) -> None:
    town.reader()
    post(1)
    clock.advance(days=4)
    post(2)

    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2


def test_what_was_withdrawn_spares_nobody_its_repetition(post, cms, town) -> None:
    town.reader()
    post(1)
    cms.withdraw(id="1")
    post(2)

    assert len(town.all(MailboxMessage)) == 2


@pytest.mark.parametrize("planned", [1, 2])
def test_who_waits_for_an_article_that_is_withdrawn_hears_of_its_repetition(
    send, plan, cms, town, pass_hour, full_audit, planned: int
) -> None:
    """Whether the repetition is planned before the withdrawal or after it."""
    town.reader()
    plan(*[send(1), send(2)][:planned])
    assert stories(town) == 1

    cms.withdraw(id="1")
    pass_hour()

    assert sum(town.mails().values()) == 1


def test_what_could_not_be_sent_spares_nobody_its_repetition(post, town, runtime) -> None:
    reader = town.reader(is_paused=True)
    post(1)
    with runtime.db.write() as session:
        session.get_one(Destination, reader).is_paused = False
    post(2)

    assert stories(town) == 1
    assert sum(town.mails().values()) == 1


def test_a_mail_whose_answer_never_came_counts_as_told(
    send, plan, town, pass_hour, runtime
) -> None:
    """Rejected in the end, but the first try may have brought it."""
    town.reader()
    plan(send(1))
    send(2)
    with runtime.db.write() as session:
        values = {"state": DeliveryState.REJECTED, "maybe_revision_id": 0}
        session.execute(update(Delivery).values(**values))
    pass_hour()

    assert stories(town) == 1
    assert not town.mails()


def test_an_article_that_may_not_be_told_is_not_told_by_parting_it(
    post, cms, town, pass_hour
) -> None:
    town.reader()
    post(1)
    second = post(2)
    cms.withdraw(id="2")
    pass_hour()

    story("split", str(second), "--staff", EDITOR)
    pass_hour()

    assert sum(town.mails().values()) == 1


@pytest.mark.parametrize("parted", ["first", "second"])
def test_staff_part_two_articles_for_good_and_those_who_were_spared_are_told(
    post, town, work, full_audit, parted: str
) -> None:
    town.reader()
    ids = {"first": post(1), "second": post(2)}
    assert len(town.all(MailboxMessage)) == 1

    result = story("split", str(ids[parted]), "--staff", EDITOR)
    work()

    assert "will be told" in result.output
    assert stories(town) == 2
    assert len(town.all(MailboxMessage)) == 2
    assert "split by staff" in story("list").stdout


def test_what_hung_together_by_a_parted_article_alone_is_parted_too(
    post, town, work, full_audit
) -> None:
    """The first and the third repeat the second, and not each other."""
    town.reader()
    words = [f"iklim{letter}{other}" for letter in "abcdefghij" for other in "abcdefghij"]
    for number, part in enumerate((words[:60], words[20:80], words[40:]), 1):
        post(number, "Üç haber: " + " ".join(part))
    assert stories(town) == 1

    story("split", str(town.all(Article)[1].id), "--staff", EDITOR)
    work()

    assert stories(town) == 3
    assert len(town.all(MailboxMessage)) == 3


def test_what_hangs_together_without_the_parted_article_stays_one_story(post, town) -> None:
    first, *_ = [post(number) for number in range(3)]

    story("split", str(first), "--staff", EDITOR)

    assert len({article.story_id for article in town.all(Article) if article.id != first}) == 1
    assert stories(town) == 2


def test_a_pair_that_was_parted_is_not_linked_again(send, post, town, work) -> None:
    post(1)
    second = send(2)
    work()
    assert stories(town) == 1
    story("split", str(second), "--staff", EDITOR)
    send(2, TEXT + " Düzeltildi.")
    work()

    article = town.get(Article, second)
    assert article.shown_revision_id == article.revision_id  # the newest is classified
    assert len(town.all(Revision)) == 3
    assert stories(town) == 2


@pytest.mark.parametrize("edited", [1, 2])
def test_an_article_that_another_text_replaces_in_time_is_told(
    send, town, work, pass_hour, full_audit, edited: int
) -> None:
    """An editor copies an article, publishes it by mistake, and soon sends what was meant."""
    town.reader()
    send(1)
    send(2)
    work()
    assert stories(town) == 1

    send(edited, OTHER, title="İklim raporu sunuldu")
    pass_hour()

    assert stories(town) == 2
    assert not town.all(StoryLink)
    assert len(town.all(MailboxMessage)) == 2


def test_an_older_text_that_is_classified_late_links_nothing(send, town, runtime) -> None:
    send(1)
    send(2)
    send(2, OTHER, title="İklim raporu sunuldu")
    first, older, newest = sorted(revision.id for revision in town.all(Revision))
    for revision_id in (first, newest, older):
        classify_revision(runtime, revision_id)

    assert stories(town) == 2


def test_an_edit_leaves_an_article_with_those_that_it_still_repeats(
    send, post, cms, town, work, pass_hour
) -> None:
    town.reader()
    post(1)
    send(2)
    work()
    cms.withdraw(id="1")
    send(2, TEXT + " Ayrıntılar açıklanacak.")
    pass_hour()

    assert stories(town) == 1
    assert len(town.all(MailboxMessage)) == 1


def test_an_article_without_a_link_cannot_be_parted(post) -> None:
    result = story("split", str(post(1)), "--staff", EDITOR)

    assert result.exit_code == 2
    assert "is linked to no other" in result.output


def test_two_that_come_at_once_are_one_story(send, town, work, clock, runtime, full_audit) -> None:
    """Each is classified by a worker of its own, at the same moment."""
    town.reader()
    for number in range(8):
        send(number)
    waiting = [revision.id for revision in town.all(Revision)]
    together = Barrier(len(waiting))

    def classify(revision_id: int) -> None:
        together.wait()
        classify_revision(runtime, revision_id)

    with ThreadPoolExecutor(len(waiting)) as pool:
        list(pool.map(classify, waiting))
    clock.advance(hours=1)
    work()

    assert stories(town) == 1
    assert len(town.all(MailboxMessage)) == 1


def test_looking_for_repetitions_reads_recent_articles_alone(send, runtime, town) -> None:
    """The question is put to the database once more, which tells how it finds the answer."""
    send(1)
    asked = []
    with runtime.db.read() as session:
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *call: asked.append(call[2:4]))
        recent(session, 2, [town.place("konak")], utcnow())
        statement, values = asked[0]
        if runtime.db.is_sqlite:
            found = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        else:
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            found = connection.exec_driver_sql(f"EXPLAIN {statement}", values)
        plan = str(found.all())

    assert "ix_article_public" in plan


def test_two_texts_are_compared_once(send, town, work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the turn comes; not again while others wait."""
    compared = []

    def compare(*pair: Shingles) -> Match | None:
        compared.append(pair)
        return is_same_story(*pair)

    monkeypatch.setattr("workers.stories.is_same_story", compare)
    send(1)
    work()
    send(2)
    work()

    assert stories(town) == 1
    assert len(compared) == 1
