"""Questions about articles: filters, export, changes, readers, who would be told, who and why."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from service.admin.article_diff import difference
from service.archive import index
from service.db import utcnow
from service.models import (
    Article,
    AuditEntry,
    Delivery,
    DeliveryAnswer,
    DeliveryState,
    Destination,
    Frequency,
    Job,
    LabelState,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
    Subscription,
    TopicLabel,
)
from service.runtime import Runtime
from workers.plan import plan_notification

ADDRESS = "ayse@example.com"


def titles(page: Any, town: Any) -> set[int]:
    """The articles that a page of the list links to."""
    return {one.id for one in town.all(Article) if f'/articles/{one.id}"' in page.text}


@pytest.fixture
def stages(town: Any, runtime: Runtime) -> dict[str, int]:
    """An article in every stage, and one that is done."""
    found = {
        "received": town.article(state=RevisionState.RECEIVED),
        "quarantined": town.article(state=RevisionState.QUARANTINED),
        **{name: town.article() for name in ("review", "held", "planning", "sending", "done")},
        "withdrawn": town.article(("spor",)),
    }
    states = {"held": "held", "planning": "planning", "sending": "planned", "done": "done"}
    for name, state in states.items():
        town.notification(found[name], state=NotificationState(state))
    with runtime.db.write() as session:
        revision = session.get_one(Article, found["review"]).revision_id
        session.execute(
            update(TopicLabel)
            .where(TopicLabel.revision_id == revision)
            .values(state=LabelState.REVIEW)
        )
        session.get_one(Article, found["withdrawn"]).state = "withdrawn"
        session.get_one(Article, found["done"]).is_urgent = True
    return found


def test_each_filter_finds_its_articles(
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    stages: dict[str, int],
    town: Any,
) -> None:
    viewer, key = signed_in("viewer"), program("viewer")
    wanted = {f"stage={name}": {id_} for name, id_ in stages.items() if name != "done"}
    wanted |= {
        "urgent=1": {stages["done"]},
        "topic=spor": {stages["withdrawn"]},
        "source=town": set(stages.values()),
        "source=nobody": set(),
        "topic=nothing": set(),
        "stage=nonsense&before=x": set(stages.values()),
        "stage=held&urgent=1": set(),
    }
    for query, ids in wanted.items():
        page = viewer.get(f"/staff/articles?{query}")
        assert titles(page, town) == ids, query
        if "before" not in query:
            items = key.get(f"/v1/admin/articles?{query}").json["items"]
            assert {one["id"] for one in items} == ids, query


def test_words_find_public_articles_newest_first_page_by_page(
    signed_in: Callable[[str], Any], program: Callable[..., Any], town: Any, runtime: Runtime
) -> None:
    ids = [town.article(title=f"Tramvay hattı {n}", is_sound=True) for n in range(5)]
    town.article(title="Festival")
    with runtime.db.write() as session:
        for number, article in enumerate(session.scalars(select(Article)).all()):
            article.published_at = utcnow() - timedelta(hours=number)
            index.renew(session, article)
    assert titles(signed_in("viewer").get("/staff/articles?text=TRAMVAYI"), town) == set(ids)
    key, path, found = program("viewer"), "/v1/admin/articles?text=tramvay&limit=2", []
    while path:
        page = key.get(path).json
        found += [one["id"] for one in page["items"]]
        path = page["next"]
    assert found == ids, "each once, the newest first"


def test_the_export_holds_the_filtered_and_runs_nothing_in_a_spreadsheet(
    signed_in: Callable[[str], Any], town: Any
) -> None:
    town.article(title='=HYPERLINK("http://evil.example")')
    town.article(("spor",), title="Maç")
    answer = signed_in("viewer").get("/staff/articles.csv?topic=iklim-cevre")
    assert answer.mimetype == "text/csv"
    (row,) = csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert row["title"].startswith("'=HYPERLINK")
    assert (row["topics"], row["planned"]) == ("iklim-cevre", "0")


def test_what_changed_between_two_texts(
    signed_in: Callable[[str], Any], town: Any, runtime: Runtime
) -> None:
    article = town.article(title="Eski <b>başlık</b> burada")
    with runtime.db.write() as session:
        first = session.scalars(select(Revision)).one()
        second = Revision(
            article_id=article,
            content_hash="2",
            state=RevisionState.CLASSIFIED,
            url=first.url,
            title="Yeni <b>başlık</b> burada",
            summary=first.summary,
            body_html="",
            body_text=first.body_text,
        )
        session.add(second)
        session.flush()
        session.get_one(Article, article).revision_id = second.id
        numbers = first.id, second.id
    viewer = signed_in("viewer")
    page = viewer.get(f"/staff/articles/{article}/changes/{numbers[1]}").text
    assert "<del>Eski</del><ins>Yeni</ins> &lt;b&gt;başlık&lt;/b&gt; burada" in page
    assert f"/changes/{numbers[1]}" in viewer.get(f"/staff/articles/{article}").text
    assert viewer.get(f"/staff/articles/{article}/changes/{numbers[0]}").status_code == 404
    other = town.article()
    assert viewer.get(f"/staff/articles/{other}/changes/{numbers[1]}").status_code == 404


@pytest.mark.parametrize("size", [10, 10_000])
def test_a_difference_says_both_texts(size: int) -> None:
    before = "Bir cümle. " * size + "Sonu."
    after = "Bir cümle. " * size + "Başka sonu. Bitti!"
    parts = difference(before, after)
    assert "".join(part.text for part in parts if part.mark != "+") == before
    assert "".join(part.text for part in parts if part.mark != "-") == after


def test_readers_are_numbers_by_outcome(
    signed_in: Callable[[str], Any], town: Any, runtime: Runtime
) -> None:
    one, two = town.readers(2)
    news = town.planned()
    article = town.get(Notification, news).article_id
    with runtime.db.write() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.destination_id == two)
            .values(state=DeliveryState.REJECTED, settled_at=utcnow())
        )
        session.add(
            DeliveryAnswer(
                notification_id=news,
                destination_id=two,
                state=DeliveryState.REJECTED,
                code="5.1.1",
                detail="no such mailbox",
            )
        )
    viewer = signed_in("viewer")
    path = f"/staff/articles/{article}/readers/{news}"
    page = viewer.get(f"{path}?outcome=rejected").text
    assert f"#{two}" in page
    assert "no such mailbox" in page
    assert f"#{one}<" not in page
    assert "@example.org" not in viewer.get(path).text
    assert f"#{two}" not in viewer.get(f"{path}?after={two}").text
    assert viewer.get(f"/staff/articles/{article}/readers/99").status_code == 404


def test_who_would_be_told_by_page_and_by_job(
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    town: Any,
    work: Callable[[], None],
) -> None:
    town.reader(place="konak")
    town.reader("spor")
    article = town.article(places=("konak",))
    viewer = signed_in("viewer")
    page = viewer.get(f"/en/staff/articles/{article}/whom").text
    assert "Konak" in page
    more = viewer.get(f"/en/staff/articles/{article}/whom?topic={town.topic('spor')}&place=x")
    assert more.status_code == 200
    job = program("reviewer").send(
        f"/v1/admin/articles/{article}/whom", {"topics": [town.topic("spor")]}
    )
    work()
    assert town.get(Job, job.json["job"]).result["planned"] == 2
    news = town.notification(article)
    town_before = town.count(Delivery)
    assert town_before == 0
    assert viewer.get(f"/staff/articles/{article}/whom").status_code == 200
    assert town.get(Notification, news).cursor == 0


REASONS = {
    "suppressed": {"is_suppressed": True},
    "paused": {"is_paused": True},
    "unverified": {"is_verified": False},
    "summary": {"frequency": Frequency.DAILY},
    "other topics": {"topic": "spor"},
    "other districts": {"place": "bornova"},
}


@pytest.mark.parametrize("reason", [*REASONS, "unknown", "unsubscribed", "break", "quiet", "story"])
def test_why_somebody_was_not_told(
    program: Callable[..., Any], town: Any, runtime: Runtime, reason: str
) -> None:
    if reason != "unknown":
        reader = town.reader(address=ADDRESS, **REASONS.get(reason, {}))
    article = town.article(places=("konak",))
    if reason == "unsubscribed":
        town.unsubscribe(reader)
    elif reason == "story":
        first = town.article(story_id=town.get(Article, article).story_id)
        plan_notification(runtime, town.notification(first))
    changes: dict[str, dict[str, Any]] = {
        "break": {"paused_until": utcnow() + timedelta(days=1)},
        "quiet": {"quiet_from": 0, "quiet_until": 0},
    }
    if reason in changes:
        with runtime.db.write() as session:
            session.execute(update(Destination).values(**changes[reason]))
    plan_notification(runtime, town.notification(article))

    answer = program("privacy-officer").send(
        f"/v1/admin/articles/{article}/who", {"email": ADDRESS}
    )

    assert reason in answer.json["reasons"], answer.json


def test_who_and_why_by_page_names_the_wish_and_leaves_the_address_nowhere(
    signed_in: Callable[[str], Any],
    town: Any,
    runtime: Runtime,
    capfd: pytest.CaptureFixture[str],
) -> None:
    reader = town.reader(address=ADDRESS)
    news = town.planned()
    with runtime.db.write() as session:
        session.execute(update(Delivery).values(state=DeliveryState.SENT, settled_at=utcnow()))
        session.execute(update(Subscription).values(ended_at=utcnow()))
    path = f"/en/staff/articles/{town.get(Notification, news).article_id}/who"
    officer = signed_in("privacy-officer")
    capfd.readouterr()

    page = officer.post(path, email=f" {ADDRESS} ")

    assert page.status_code == 200
    assert "By this subscription" in page.text
    assert ADDRESS not in page.text
    assert ADDRESS not in "".join(capfd.readouterr())
    with runtime.db.read() as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert entry.subject == session.get_one(Destination, reader).address_hash
        assert ADDRESS not in json.dumps(entry.detail)
    wrong = officer.post(path, email="nobody")
    assert (wrong.status_code, "Enter it like name@example.com" in wrong.text) == (422, True)
    assert signed_in("editor").get(path).status_code == 403
