"""The review by page and API: what is asked, answered, undone; two at once; scopes; the alarm."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select

from service.acts import Actor
from service.admin.review_acts import Overtaken, Wanted, decide
from service.db import utcnow
from service.ledger.review_age import watch
from service.models import (
    Alarm,
    Article,
    Decision,
    LabelState,
    ReviewDecision,
    Staff,
    StaffTopic,
    StoryLink,
    TopicLabel,
    Via,
    WrongTopic,
)
from service.runtime import Runtime

Browser = Any
CLIMATE, SPORT = "iklim-cevre", "spor"


@pytest.fixture
def question(town: Any, runtime: Runtime) -> Callable[..., int]:
    """An article whose label waits for review."""

    def ask(title: str = "Bir haber", topic: str = CLIMATE, score: float = 0.4) -> int:
        article_id = int(town.article((topic,), title=title))
        revision_id = town.get(Article, article_id).shown_revision_id
        with runtime.db.write() as session:
            session.query(TopicLabel).filter_by(revision_id=revision_id).update(
                {"state": LabelState.REVIEW, "score": score}
            )
        return article_id

    return ask


def labels(town: Any) -> list[tuple[str, str]]:
    return [(label.state, label.origin) for label in town.all(TopicLabel)]


def answer(browser: Browser, article_id: int, decision: str, **more: str) -> Any:
    given = {"topic": CLIMATE, "seen": "review-classifier", **more}
    return browser.post("/staff/review/decide", article=str(article_id), decision=decision, **given)


def test_an_empty_queue_says_so(signed_in: Callable[[str], Browser]) -> None:
    viewer = signed_in("viewer")
    assert "İncelenecek bir şey yok" in viewer.get("/staff/review").text
    assert "Nothing waits" in signed_in("reviewer").get("/en/staff/review/one").text
    assert viewer.get("/staff/review/one").status_code == 403


def test_the_most_uncertain_comes_first_and_the_next_one_by_itself(
    signed_in: Callable[[str], Browser], question: Callable[..., int], town: Any
) -> None:
    question("Emin", score=0.3)
    doubtful = question("Kararsız", score=0.49)
    browser = signed_in("reviewer")
    page = browser.get("/en/staff/review/one")
    assert ">Kararsız</h2>" in page.text
    assert 'accesskey="a"' in page.text
    answered = answer(browser, doubtful, "accept")
    assert answered.status_code == 303
    after = browser.get(answered.location)
    assert ">Emin</h2>" in after.text
    assert "Geri al" in after.text
    assert sorted(labels(town)) == [("published", "staff"), ("review", "classifier")]


def test_later_leads_to_the_next_and_past_the_last(
    signed_in: Callable[[str], Browser], question: Callable[..., int]
) -> None:
    first, second = question("Bir", score=0.5), question("İki", score=0.4)
    browser = signed_in("reviewer")
    skip = f"{first}.{CLIMATE}"
    assert ">İki</h2>" in browser.get(f"/staff/review/one?skip={skip}").text
    page = browser.get(f"/en/staff/review/one?skip={skip}_{second}.{CLIMATE}")
    assert "Look at those put off" in page.text


def test_the_second_of_two_is_told_who_decided(
    signed_in: Callable[[str], Browser], question: Callable[..., int], town: Any
) -> None:
    article_id = question()
    assert answer(signed_in("editor"), article_id, "reject").status_code == 303
    second = answer(signed_in("reviewer"), article_id, "accept")
    assert second.status_code == 409
    assert "editor" in second.text
    assert labels(town) == [("dropped", "staff")]
    assert len(town.all(ReviewDecision)) == 1


def test_of_two_at_the_same_moment_one_decides(
    runtime: Runtime, accounts: dict[str, str], question: Callable[..., int], town: Any
) -> None:
    article_id = question()
    with runtime.db.read() as session:
        staff = session.scalars(select(Staff.id).order_by(Staff.id).limit(2)).all()
    barrier = Barrier(2)

    def one(staff_id: int, decision: Decision) -> str:
        wanted = Wanted(article_id, decision, CLIMATE, "review-classifier")
        barrier.wait()
        try:
            with runtime.db.write() as session:
                decide(session, runtime.vault, Actor(staff_id, Via.API), wanted, utcnow())
        except Overtaken:
            return "told"
        return "decided"

    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(one, staff, (Decision.ACCEPT, Decision.REJECT))
        assert sorted(answers) == ["decided", "told"]
    assert len(town.all(ReviewDecision)) == 1


@pytest.mark.parametrize("decision", ["accept", "reject", "none", "add"])
def test_what_was_decided_is_undone_once(
    signed_in: Callable[[str], Browser],
    question: Callable[..., int],
    town: Any,
    decision: str,
) -> None:
    article_id = question()
    browser = signed_in("reviewer")
    assert answer(browser, article_id, decision, added=SPORT).status_code == 303
    (made,) = town.all(ReviewDecision)
    assert any(origin == "staff" for _, origin in labels(town))
    undone = browser.post("/staff/review/undo", decision=str(made.id))
    assert undone.status_code == 303
    assert labels(town) == [("review", "classifier")]
    again = browser.post("/staff/review/undo", decision=str(made.id))
    assert again.status_code == 409
    assert "geri alındı" in browser.get(undone.location).text.lower()


def test_what_was_decided_again_is_not_undone(
    signed_in: Callable[[str], Browser], question: Callable[..., int], town: Any
) -> None:
    article_id = question()
    browser = signed_in("reviewer")
    answer(browser, article_id, "accept")
    answer(browser, article_id, "reject", seen="published-staff")
    first, second = town.all(ReviewDecision)
    assert browser.post("/staff/review/undo", decision=str(first.id)).status_code == 409
    assert labels(town) == [("dropped", "staff")]
    assert browser.post("/staff/review/undo", decision=str(second.id)).status_code == 303
    assert labels(town) == [("published", "staff")]


def test_a_rejected_topic_that_was_published_is_told_after_its_undoing(
    cms: Any, work: Any, clock: Any, town: Any, program: Callable[..., Any]
) -> None:
    from service.models import MailboxMessage

    town.reader(CLIMATE, address="iklim@example.org")
    cms.post()
    work()
    key = program("reviewer")
    body = {"article_id": 1, "decision": "reject", "topic": CLIMATE}
    made = key.send("/v1/admin/review/decisions", body).json
    undone = key.send(f"/v1/admin/review/decisions/{made['id']}/undo").json
    assert undone["undone_at"] is not None
    clock.advance(hours=1)
    work()
    assert [mail.recipient for mail in town.all(MailboxMessage)] == ["iklim@example.org"]


def test_who_is_limited_sees_and_decides_their_topics_alone(
    runtime: Runtime,
    signed_in: Callable[[str], Browser],
    program: Callable[..., Any],
    question: Callable[..., int],
    town: Any,
) -> None:
    climate, sport = question("İklim haberi"), question("Spor haberi", SPORT)
    with runtime.db.write() as session:
        who = session.scalars(select(Staff).where(Staff.email.startswith("reviewer"))).one()
        session.add(StaffTopic(staff_id=who.id, topic_id=town.topic(SPORT)))
    browser, key = signed_in("reviewer"), program("reviewer")
    page = browser.get("/staff/review").text
    assert "Spor haberi" in page
    assert "İklim haberi" not in page
    assert answer(browser, climate, "accept").status_code == 409
    assert answer(browser, sport, "none").status_code == 409
    refused = key.send(
        "/v1/admin/review/decisions",
        {"article_id": climate, "decision": "accept", "topic": CLIMATE},
    )
    assert refused.status_code == 403
    assert answer(browser, sport, "accept", topic=SPORT).status_code == 303


def test_two_articles_that_tell_the_same_are_kept_or_parted(
    runtime: Runtime, signed_in: Callable[[str], Browser], town: Any
) -> None:
    first = town.article(title="Önceki")
    second = town.article(title="Sonraki", story_id=town.get(Article, first).story_id)
    evidence = {"measure": "jaccard", "value": 0.6, "shared": 40}
    with runtime.db.write() as session:
        session.add(StoryLink(article_id=second, earlier_id=first, evidence=evidence))
    browser = signed_in("reviewer")
    page = browser.get("/en/staff/review/one?kind=story")
    assert "Önceki" in page.text
    assert "0.60" in page.text
    assert answer(browser, second, "same").status_code == 303
    (made,) = town.all(ReviewDecision)
    assert browser.post("/staff/review/undo", decision=str(made.id)).status_code == 303
    assert answer(browser, second, "split").status_code == 303
    assert town.get(Article, first).story_id != town.get(Article, second).story_id
    last = max(row.id for row in town.all(ReviewDecision))
    assert browser.post("/staff/review/undo", decision=str(last)).status_code == 409


def test_programs_read_what_waits_and_decide_by_what_they_saw(
    program: Callable[..., Any], question: Callable[..., int], runtime: Runtime, town: Any
) -> None:
    article_id = question()
    with runtime.db.write() as session:
        session.add(
            WrongTopic(
                revision_id=town.get(Article, article_id).shown_revision_id,
                topic_id=town.topic(SPORT),
                kind="missing",
                count=5,
            )
        )
    key = program("reviewer")
    doubted, asked = key.get("/v1/admin/review").json["items"]
    assert (doubted["kind"], doubted["topic"], doubted["readers"]) == ("doubted", SPORT, 5)
    assert (asked["kind"], asked["article_id"]) == ("uncertain", article_id)
    body = {"article_id": article_id, "decision": "accept", "topic": CLIMATE}
    made = key.send("/v1/admin/review/decisions", {**body, "seen": asked["seen"]})
    assert made.json["by"] == "reviewer"
    late = key.send("/v1/admin/review/decisions", {**body, "seen": asked["seen"]})
    assert (late.status_code, "reviewer" in late.json["detail"]) == (409, True)
    for body, status in (
        ({"article_id": 99, "decision": "none"}, 404),
        ({"article_id": article_id, "decision": "accept", "topic": "yok"}, 404),
        ({"article_id": article_id, "decision": "release"}, 409),
        ({"article_id": article_id, "decision": "maybe"}, 422),
    ):
        assert key.send("/v1/admin/review/decisions", body).status_code == status
    listed = key.get("/v1/admin/review/decisions?limit=1").json
    assert [one["id"] for one in listed["items"]] == [made.json["id"]]
    assert program("viewer").send("/v1/admin/review/decisions", body).status_code == 403


def test_what_waits_too_long_is_an_alarm_until_it_is_decided(
    runtime: Runtime, signed_in: Callable[[str], Browser], question: Callable[..., int], town: Any
) -> None:
    article_id = question()
    for now, count in ((utcnow(), 0), (utcnow() + timedelta(hours=25), 1)):
        with runtime.db.write() as session:
            watch(session, 24, now)
        assert len(town.all(Alarm)) == count
    answer(signed_in("reviewer"), article_id, "accept")
    with runtime.db.write() as session:
        watch(session, 24, utcnow() + timedelta(hours=25))
    assert town.all(Alarm)[0].cleared_at is not None
