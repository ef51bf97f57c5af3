"""A break, quiet hours and the language: set, shown and taken back by their person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from service.app import create_app
from service.db import utcnow
from service.models import Destination, DestinationKind, Subscriber
from service.runtime import Runtime
from service.settings import Settings
from tests.integration.citizen.entering import enter

ZONE = ZoneInfo("Europe/Istanbul")


def today() -> Any:
    return utcnow().astimezone(ZONE).date()


@pytest.mark.parametrize(
    ("wanted", "days"), [("week", (7, 7)), ("fortnight", (14, 14)), ("month", (28, 31))]
)
def test_a_break_ends_at_the_beginning_of_a_day(
    resident: Any, town: Any, wanted: str, days: tuple[int, int]
) -> None:
    answer = resident.send("/my/pause", until=wanted)
    assert answer.location == "/my?done=paused"
    until = town.get(Destination, resident.id).paused_until.astimezone(ZONE)
    assert (until.hour, until.minute, until.second) == (0, 0, 0)
    assert days[0] <= (until.date() - today()).days <= days[1]
    page = resident.open("/my").text
    assert "Ara verdiniz" in page
    assert str(until.year) in page

    assert resident.send("/my", to="/my/resume").location == "/my?done=resumed"
    assert town.get(Destination, resident.id).paused_until <= utcnow()
    assert "Ara verdiniz" not in resident.open("/my").text


@pytest.mark.parametrize("form", ["%Y-%m-%d", "%d.%m.%Y", " %d.%m.%Y "])
def test_a_break_may_end_on_a_date(resident: Any, town: Any, form: str) -> None:
    day = today() + timedelta(days=40)
    resident.send("/my/pause", until="date", date=day.strftime(form))
    assert town.get(Destination, resident.id).paused_until.astimezone(ZONE).date() == day


@pytest.mark.parametrize(
    "typed", ["", "x", "2026-02-30", "31.12.1999", "9999-12-31", "0000-00-00", "2026-13-01", "١"]
)
def test_a_date_that_is_none_is_said(resident: Any, town: Any, typed: str) -> None:
    page = resident.send("/my/pause", until="date", date=typed)
    assert '<a href="#date">' in page.text
    assert "bir yıl içinde" in page.text
    assert town.get(Destination, resident.id).paused_until is None


def test_today_is_no_break_and_a_year_is_the_longest(resident: Any, town: Any) -> None:
    for days, is_fine in ((0, False), (1, True), (366, True), (367, False)):
        day = today() + timedelta(days=days)
        answer = resident.send("/my/pause", until="date", date=day.isoformat())
        assert (answer.status_code == 303) == is_fine
    assert '<a href="#until-week">' in resident.send("/my/pause").text


def test_quiet_hours_may_go_over_midnight(resident: Any, town: Any) -> None:
    assert 'value="22:00"' in resident.open("/my/quiet-hours").text
    resident.send("/my/quiet-hours", **{"from": "22:30", "until": "7.15"})
    row = town.get(Destination, resident.id)
    assert (row.quiet_from, row.quiet_until) == (22 * 60 + 30, 7 * 60 + 15)
    assert "22:30–07:15" in resident.open("/my").text
    assert 'value="22:30"' in resident.open("/my/quiet-hours").text

    resident.send("/my/quiet-hours", to="/my/quiet-hours/off")
    row = town.get(Destination, resident.id)
    assert (row.quiet_from, row.quiet_until) == (None, None)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        ("", "08:00", "from"),
        ("22:00", "24:00", "until"),
        ("22:60", "08:00", "from"),
        ("-1:00", "08:00", "from"),
        ("٢٢:٠٠", "08:00", "from"),
        ("22:00:00:00", "08:00", "from"),
        ("08:00", "08:00", "until"),
    ],
)
def test_times_that_are_none_are_said(
    resident: Any, town: Any, start: str, end: str, field: str
) -> None:
    page = resident.send("/my/quiet-hours", **{"from": start, "until": end})
    assert f'<a href="#{field}">' in page.text
    assert town.get(Destination, resident.id).quiet_from is None


def test_the_page_follows_the_language(resident: Any, town: Any, runtime: Runtime) -> None:
    with runtime.db.write() as session:
        person = Subscriber(language="tr")
        session.add(person)
        session.flush()
        session.execute(update(Destination).values(subscriber_id=person.id))
    answer = resident.send("/my/language", language="en")
    assert answer.location == "/en/my?done=language"
    assert "We write to you in English" in resident.open(answer.location).text
    assert town.get(Destination, resident.id).language == "en"
    assert town.get(Subscriber, person.id).language == "en"
    assert resident.send("/my/language", language="xx").location == "/my/language"
    back = resident.send("/en/my/language", language="tr")
    assert back.location == "/my?done=language"
    assert town.get(Destination, resident.id).language == "tr"


def test_a_break_is_of_all_addresses_of_a_person_and_of_nobody_else(
    resident: Any, town: Any, runtime: Runtime
) -> None:
    stranger = town.reader("spor")
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
        session.execute(
            update(Destination).where(Destination.id == resident.id).values(subscriber_id=person.id)
        )
    resident.send("/my/pause", until="week")
    resident.send("/my/quiet-hours", **{"from": "22:00", "until": "08:00"})
    for number, is_theirs in ((resident.id, True), (chat.id, True), (stranger, False)):
        row = town.get(Destination, number)
        assert (row.paused_until is not None) == is_theirs
        assert (row.quiet_from is not None) == is_theirs


def test_the_page_follows_the_language_where_the_city_has_another_first(
    resident: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand = settings.brand.model_copy(update={"languages": ("en", "tr")})
    monkeypatch.setitem(settings.__dict__, "brand", brand)
    app = create_app(settings)
    english = type(resident)(app.test_client(), resident.runtime, resident.id)
    enter(english.client, resident.runtime, resident.id)
    found = [english.send("/my/language", language=code).location for code in ("tr", "en")]
    app.extensions["tellal"].close()
    assert found == ["/tr/my?done=language", "/my?done=language"]
