"""My page: for its person alone; what is changed there is effective at once, and once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.models import (
    ChatTarget,
    Consent,
    Destination,
    DestinationKind,
    Frequency,
    Subscriber,
    Subscription,
)
from service.runtime import Runtime
from tests.integration.explaining import explained

DAILY, WEEKLY, INSTANT = Frequency.DAILY, Frequency.WEEKLY, Frequency.INSTANT


def asked(resident: Any, town: Any) -> set[tuple[str, str, str, bool]]:
    """What is live: topic, place, frequency, and whether of the place alone."""
    topics = {town.topic(slug): slug for slug in ("ulasim", "spor", "iklim-cevre")}
    places = {town.place(slug): slug for slug in ("konak", "bornova", "karsiyaka")}
    return {
        (
            topics.get(row.topic_id, "all"),
            places.get(row.place_id, "all"),
            str(row.frequency),
            row.is_local_only,
        )
        for row in resident.live()
    }


def acts(runtime: Runtime) -> list[tuple[str, str]]:
    with runtime.db.read() as session:
        rows = session.scalars(select(Consent).order_by(Consent.id)).all()
    return [(str(row.act), row.origin) for row in rows]


def test_every_page_under_my_is_for_its_person_alone(app: Any, client: Any) -> None:
    rules = [rule for rule in app.url_map.iter_rules() if re.match(r"(/en)?/my(/|$)", rule.rule)]
    assert len(rules) > 30
    for rule in rules:
        if rule.rule.endswith("/my/erased"):
            continue  # for whoever was a person of ours until a moment ago
        assert getattr(app.view_functions[rule.endpoint], "is_personal", False), rule.rule
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        if "GET" in rule.methods:
            answer = client.get(path)
            assert answer.status_code == 303
            assert answer.location.endswith("/sign-in")
            assert answer.headers["Cache-Control"] == "private, no-store"


def test_the_pages_of_a_person_lead_to_each_other(resident: Any) -> None:
    pages = ("/my", "/my/history", "/my/data", "/my/targets", "/my/feed")
    for path in pages:
        navigation = resident.open(path).text.partition("my-nav")[2].partition("</nav>")[0]
        assert [one for one in pages if f'href="{one}"' in navigation] == list(pages)


def test_the_list_says_what_is_asked_for(resident: Any) -> None:
    page = resident.open("/my").text
    assert page.index("Bütün şehir") > page.index("Spor")
    assert "Bornova, Konak" in page
    assert page.count("card-item") == 2
    assert "Haber yayımlandıkça" in page
    english = resident.client.get("/en/my").text
    assert "As published (may be several a day)" in english
    assert "My subscriptions" in english


def test_a_change_ends_the_old_and_begins_the_new_at_one_moment(
    resident: Any, town: Any, runtime: Runtime
) -> None:
    first, second, sport = resident.live()
    answer = resident.send(
        f"/my/subscriptions/{first.id}", frequency="daily", places=["konak", "bornova"]
    )
    assert answer.location == "/my?done=changed"
    assert "kaydedildi" in resident.open(answer.location).text
    assert asked(resident, town) == {
        ("ulasim", "konak", "daily", False),
        ("ulasim", "bornova", "daily", False),
        ("spor", "all", "instant", False),
    }
    ended = [town.get(Subscription, row.id) for row in (first, second)]
    begun = [row for row in resident.live() if row.id != sport.id]
    assert {row.end_reason for row in ended} == {"changed"}
    assert {row.ended_at for row in ended} == {row.created_at for row in begun}
    assert acts(runtime) == [("confirmed", "changed")]


def test_a_form_that_is_sent_twice_changes_once(resident: Any, town: Any) -> None:
    page = f"/my/subscriptions/{resident.live()[0].id}"
    codes = [
        resident.send("/my", to=page, frequency="weekly", places=["konak", "bornova"]).status_code
        for _ in range(3)
    ]
    assert codes == [303, 303, 303]
    assert town.count(Subscription) == 5
    assert len(resident.live()) == 3


def test_districts_can_be_exchanged(resident: Any, town: Any, runtime: Runtime) -> None:
    konak = resident.live()[0]
    resident.send(
        f"/my/subscriptions/{konak.id}",
        frequency="instant",
        places=["konak", "karsiyaka"],
        local="yes",
    )
    assert asked(resident, town) == {
        ("ulasim", "konak", "instant", True),
        ("ulasim", "karsiyaka", "instant", True),
        ("spor", "all", "instant", False),
    }
    assert ("withdrawn", "my page") in acts(runtime)
    live = [row for row in resident.live() if row.is_local_only]
    resident.send(f"/my/subscriptions/{live[0].id}", frequency="daily", places="all", local="yes")
    assert asked(resident, town) == {
        ("ulasim", "all", "daily", False),
        ("spor", "all", "instant", False),
    }


def test_a_district_of_another_group_is_taken_over_not_doubled(resident: Any, town: Any) -> None:
    konak = resident.live()[0]
    resident.send(f"/my/subscriptions/{konak.id}", frequency="instant", places=["konak"])
    town.subscribe(resident.id, "ulasim", "bornova", DAILY)
    resident.send(f"/my/subscriptions/{konak.id}", frequency="instant", places=["konak", "bornova"])
    assert asked(resident, town) == {
        ("ulasim", "konak", "instant", False),
        ("ulasim", "bornova", "instant", False),
        ("spor", "all", "instant", False),
    }


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ({"frequency": "daily"}, "En az bir ilçe"),
        ({"frequency": "daily", "places": ["nowhere", "ş" * 300]}, "En az bir ilçe"),
        ({"places": "all"}, "Ne sıklıkla olacağını seçin"),
        ({"places": "all", "frequency": "hourly"}, "Ne sıklıkla olacağını seçin"),
    ],
)
def test_what_is_missing_is_said(resident: Any, answers: dict[str, Any], says: str) -> None:
    before = [row.id for row in resident.live()]
    page = resident.send(f"/my/subscriptions/{before[0]}", **answers)
    assert page.status_code == 200
    assert "<title>Hata: " in page.text
    assert says in page.text
    assert [row.id for row in resident.live()] == before


def test_what_a_summary_still_owes_is_marked(resident: Any, town: Any) -> None:
    sport = resident.live()[2]

    def turn(frequency: str) -> Any:
        page = f"/my/subscriptions/{resident.live()[-1].id}"
        resident.send(page, frequency=frequency, places="all")
        row = resident.live()[-1]
        return row.frequency, row.changed_from

    assert sport.changed_from is None
    assert turn("weekly") == (WEEKLY, None)  # nothing but instant mail was before
    assert turn("instant") == (INSTANT, WEEKLY)
    assert turn("daily") == (DAILY, WEEKLY)
    assert turn("weekly") == (WEEKLY, DAILY)
    assert turn("instant") == (INSTANT, WEEKLY)


def test_one_can_end_and_come_back(resident: Any, runtime: Runtime) -> None:
    before = [row.id for row in resident.live()]
    page = f"/my/subscriptions/{before[0]}/end"
    assert "Konak" in resident.open(page).text
    answer = resident.send(page)
    assert answer.location == f"/my?done=ended&undo={before[0]}"
    assert [row.id for row in resident.live()] == before[2:]
    assert resident.send("/my", to=page).status_code == 303  # a double click

    undo = f"/my/subscriptions/{before[0]}/undo"
    assert undo in resident.open(answer.location).text
    assert resident.send("/my", to=undo).location == "/my?done=undone"
    assert resident.send("/my", to=undo).location == "/my"
    assert [row.id for row in resident.live()] == before
    assert acts(runtime) == [("withdrawn", "my page"), ("confirmed", "undo")]


def test_all_can_end_and_come_back(resident: Any) -> None:
    before = [row.id for row in resident.live()]
    resident.send(f"/my/subscriptions/{before[2]}/end")
    answer = resident.send("/my/end-all")
    assert resident.live() == []
    page = resident.open(answer.location).text
    assert "Size hiçbir şey göndermiyoruz" in page
    undo = re.search(r'action="(/my/subscriptions/\d+/undo)"', page)
    assert undo
    resident.send("/my", to=undo[1])
    assert [row.id for row in resident.live()] == before[:2]  # not what had ended before
    twice = [resident.send("/my", to="/my/end-all").location for _ in range(2)]
    assert (
        twice == [f"/my?done=all-ended&undo={before[0]}"] * 2
    )  # a double click keeps the way back


def test_the_end_of_all_is_the_end_of_chats_too_and_so_is_its_undo(
    resident: Any, town: Any, runtime: Runtime
) -> None:
    with runtime.db.write() as session:
        person = Subscriber()
        session.add(person)
        session.flush()
        chat = Destination(
            kind=DestinationKind.CHAT,
            subscriber_id=person.id,
            address_hash="chat",
            lane="ntfy",
            verified_at=utcnow(),
        )
        session.add(chat)
        session.get_one(Destination, resident.id).subscriber_id = person.id
        session.flush()
        label = "ntfy · ayse-4711"
        session.add(
            ChatTarget(destination_id=chat.id, kind="ntfy", label=label, sealed_address="x")
        )
    town.subscribe(chat.id, "spor")
    stranger = town.reader("spor")

    def live() -> dict[int, int]:
        rows = [row.destination_id for row in town.all(Subscription) if row.ended_at is None]
        return {number: rows.count(number) for number in (resident.id, chat.id, stranger)}

    assert label in resident.open("/my/end-all").text
    answer = resident.send("/my/end-all")
    assert live() == {resident.id: 0, chat.id: 0, stranger: 1}
    undo = re.search(r'action="(/my/subscriptions/\d+/undo)"', resident.open(answer.location).text)
    assert undo
    resident.send("/my", to=undo[1])
    assert live() == {resident.id: 3, chat.id: 1, stranger: 1}

    token = runtime.vault.token("unsubscribe", 5, resident.id, resident.live()[0].id)
    resident.client.post(f"/u/{token}/all")
    assert live() == {resident.id: 0, chat.id: 1, stranger: 1}, "a letter's link ends its address"
    page = resident.open("/my").text
    assert "Sohbetlerinize haber gelmeye devam ediyor" in page
    assert "/my/end-all" in page


def test_somebody_elses_are_not_found(resident: Any, town: Any, runtime: Runtime) -> None:
    stranger = town.reader("ulasim", address="other@example.com")
    with runtime.db.read() as session:
        theirs = session.scalars(
            select(Subscription.id).where(Subscription.destination_id == stranger)
        ).one()
    never = theirs + 100_000
    for act in ("", "/end"):
        for answers in ({}, {"frequency": "weekly", "places": "all"}):
            pages = [
                (
                    resident.open(f"/my/subscriptions/{number}{act}"),
                    resident.send("/my", to=f"/my/subscriptions/{number}{act}", **answers),
                )
                for number in (theirs, never, 2**80)
            ]
            for answer in (answer for both in pages for answer in both):
                assert answer.status_code == 404
                assert "other@example.com" not in answer.text
    undo = resident.send("/my", to=f"/my/subscriptions/{theirs}/undo")
    assert undo.location == "/my"
    assert f"/{theirs}/undo" not in resident.open(f"/my?done=ended&undo={theirs}").text
    assert town.get(Subscription, theirs).ended_at is None
    with runtime.db.write() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.id == theirs)
            .values(ended_at=utcnow(), end_reason="my page")
        )
    resident.send("/my", to=f"/my/subscriptions/{theirs}/undo")
    assert town.get(Subscription, theirs).ended_at is not None


def test_a_form_without_its_token_changes_nothing(resident: Any, app: Any) -> None:
    paths = {
        re.sub(r"<[^>]+>", str(resident.live()[0].id), rule.rule)
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/my") and "POST" in rule.methods
    }
    assert len(paths) >= 8
    before = [row.id for row in resident.live()]
    for path in paths:
        assert resident.client.post(path, data={"until": "week"}).status_code == 400
    assert [row.id for row in resident.live()] == before


def test_an_old_letters_way_out_ends_what_took_its_place(
    resident: Any, app: Any, town: Any, runtime: Runtime
) -> None:
    konak, bornova, sport = resident.live()
    old = runtime.vault.token("unsubscribe", 5, resident.id, konak.id)
    for frequency in ("daily", "weekly"):
        page = f"/my/subscriptions/{konak.id}"
        resident.send(page, frequency=frequency, places=["konak", "bornova"])
    mail_program = app.test_client(use_cookies=False)
    for _ in range(2):
        assert mail_program.post(f"/u/{old}").status_code == 200
    assert asked(resident, town) == {
        ("ulasim", "bornova", "weekly", False),
        ("spor", "all", "instant", False),
    }
    assert "Geri alın" in mail_program.post(f"/u/{old}").text
    mail_program.post(f"/u/{old}/undo")
    assert len(resident.live()) == 3
    newer = runtime.vault.token("unsubscribe", 6, resident.id, bornova.id)
    resident.send(f"/my/subscriptions/{bornova.id}", frequency="weekly", places="all")
    mail_program.post(f"/u/{newer}")
    assert [row.id for row in resident.live()] == [sport.id]


def test_leaving_shows_what_goes_on_and_looking_does_not(
    resident: Any, app: Any, runtime: Runtime
) -> None:
    konak = resident.live()[0]
    token = runtime.vault.token("unsubscribe", 5, resident.id, konak.id)
    reader = app.test_client(use_cookies=False)
    assert "Spor" not in reader.get(f"/u/{token}").text
    done = reader.post(f"/u/{token}").text
    assert "Spor – Bütün şehir" in done
    assert 'href="/sign-in"' in done
    nothing = reader.post(f"/u/{token}/all").text
    assert "Spor" not in nothing


def test_a_session_of_an_erased_person_ends(resident: Any, runtime: Runtime) -> None:
    with runtime.db.write() as session:
        session.execute(update(Destination).values(address="", address_hash="0" * 64))
    assert resident.open("/my").location == "/sign-in"


BIG = re.compile(r"SCAN (delivery|destination|subscription|notification|bounce|consent|token)\b")


@pytest.mark.parametrize("page", ["/my", "/my/history", "/my/data", "/my/erase", "/my/data.json"])
def test_no_page_of_a_person_reads_the_rows_of_all_people(app, resident, town, page):
    """A million others must not make it slow."""
    engine = app.extensions["tellal"].db.engine
    if engine.dialect.name != "sqlite":
        return  # see `explained`
    town.subscribe(resident.id, "iklim-cevre")
    town.planned()

    with explained(engine) as steps:
        answer = resident.open(page)
        assert answer.status_code == 200
        assert answer.get_data()  # an export is written as it is read

    assert len(steps) > 3
    assert [step for step in steps if BIG.match(step)] == []
