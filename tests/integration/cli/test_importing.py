"""Importing subscribers: all or nothing, twice is once, and nobody is revived."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update

from service.models import (
    Consent,
    ConsentAct,
    Destination,
    DestinationKind,
    Frequency,
    Place,
    Subscriber,
    Subscription,
    Suppression,
    Topic,
)
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from service.subscriptions.importing import (
    CHUNK_ROWS,
    ImportRefused,
    ImportResult,
    import_subscribers,
)

HEADER = "address,topics,places,frequency,language"
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ORIGIN = "newsletter form of 2024"


def run(runtime: Runtime, *rows: str, **options: Any) -> ImportResult:
    lines = [line + "\n" for line in (HEADER, *rows)]
    options = {"consent_origin": ORIGIN, "now": NOW, **options}
    return import_subscribers(runtime.db, runtime.vault, lines, **options)


def errors(runtime: Runtime, *rows: str) -> list[str]:
    with pytest.raises(ImportRefused) as refused:
        run(runtime, *rows)
    return [str(error) for error in refused.value.errors]


def snapshot(runtime: Runtime) -> list[Any]:
    """Every row that an import may write, without its number."""
    with runtime.db.read() as session:
        return [
            session.execute(
                select(
                    Destination.address,
                    Destination.lane,
                    Destination.language,
                    Destination.verified_at,
                    Topic.slug,
                    Place.slug,
                    Subscription.frequency,
                    Subscription.ended_at,
                )
                .join(Subscription, Subscription.destination_id == Destination.id)
                .outerjoin(Topic, Topic.id == Subscription.topic_id)
                .outerjoin(Place, Place.id == Subscription.place_id)
                .order_by(Destination.address, Topic.slug, Place.slug)
            ).all(),
            session.scalar(select(func.count()).select_from(Subscriber)),
            session.scalar(select(func.count()).select_from(Consent)),
        ]


def count(runtime: Runtime, model: type) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(model)) or 0


def test_a_row_becomes_a_verified_address_with_its_choices(runtime: Runtime) -> None:
    result = run(runtime, "Ayse@Gmail.com,iklim-cevre;su-kanal,konak,daily,en")
    assert result == ImportResult(added=1, changed=0, unchanged=0, suppressed=0)
    [rows, subscribers, consents] = snapshot(runtime)
    assert [tuple(row) for row in rows] == [
        ("Ayse@gmail.com", "gmail", "en", NOW, topic, "konak", Frequency.DAILY, None)
        for topic in ("iklim-cevre", "su-kanal")
    ]
    assert (subscribers, consents) == (1, 1)


def test_empty_choices_ask_for_everything_in_the_whole_city(runtime: Runtime) -> None:
    run(runtime, "ali@example.org,,,,")
    [[row], _, _] = snapshot(runtime)
    assert (row[4], row[5], row.frequency, row.language) == (None, None, Frequency.INSTANT, "tr")


def test_the_consent_is_recorded_with_its_origin_and_without_the_address(runtime: Runtime) -> None:
    run(runtime, "ali@example.org,iklim-cevre,,weekly,tr")
    with runtime.db.read() as session:
        consent = session.scalars(select(Consent)).one()
    assert (consent.act, consent.origin, consent.at) == (ConsentAct.IMPORTED, ORIGIN, NOW)
    assert consent.address_hash == address_hash(runtime.vault, "email", "ali@example.org")
    assert consent.choices[0]["frequency"] == "weekly"
    assert "ali" not in str(consent.choices)


def test_an_import_without_an_origin_is_refused(runtime: Runtime) -> None:
    with pytest.raises(ValueError, match="origin of the consent"):
        run(runtime, "ali@example.org,,,,", consent_origin="  ")


def test_the_same_file_twice_changes_nothing(runtime: Runtime) -> None:
    rows = [f"kisi{i}@example.org,iklim-cevre,,instant,tr" for i in range(CHUNK_ROWS + 3)]
    assert run(runtime, *rows).added == len(rows)
    before = snapshot(runtime)
    again = run(runtime, *rows, now=datetime(2027, 1, 1, tzinfo=UTC))
    assert again == ImportResult(added=0, changed=0, unchanged=len(rows), suppressed=0)
    assert snapshot(runtime) == before


def test_an_import_that_was_killed_is_finished_by_the_next(runtime: Runtime) -> None:
    rows = [f"kisi{i}@example.org,,,instant,tr" for i in range(CHUNK_ROWS * 2)]

    def die(phase: str, done: int) -> None:
        if phase == "stored":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(runtime, *rows, on_progress=die)
    assert count(runtime, Destination) == CHUNK_ROWS
    assert run(runtime, *rows).added == CHUNK_ROWS
    assert count(runtime, Destination) == CHUNK_ROWS * 2


def test_one_address_on_two_lines_is_one_person_with_both_choices(runtime: Runtime) -> None:
    run(runtime, "ali@example.org,iklim-cevre,,daily,tr", "ALI@Example.org,su-kanal,,daily,tr")
    [rows, subscribers, _] = snapshot(runtime)
    assert [row[4] for row in rows] == ["iklim-cevre", "su-kanal"]
    assert subscribers == 1


def test_a_suppressed_address_is_left_out_and_counted(runtime: Runtime) -> None:
    hashed = address_hash(runtime.vault, "email", "ali@example.org")
    with runtime.db.write() as session:
        session.add(Suppression(address_hash=hashed, reason="complaint"))
    result = run(runtime, "Ali@example.org,,,,", "ayse@example.org,,,,")
    assert (result.added, result.suppressed) == (1, 1)
    [[row], subscribers, _] = snapshot(runtime)
    assert row.address == "ayse@example.org"
    assert subscribers == 1


def test_a_subscription_that_its_owner_ended_stays_ended(runtime: Runtime) -> None:
    row = "ali@example.org,iklim-cevre,,instant,tr"
    run(runtime, row)
    with runtime.db.write() as session:
        session.execute(update(Subscription).values(ended_at=NOW, end_reason="one-click"))
    before = snapshot(runtime)
    assert run(runtime, row).unchanged == 1
    assert snapshot(runtime) == before


def test_somebody_who_never_confirmed_is_verified_by_the_import(runtime: Runtime) -> None:
    with runtime.db.write() as session:
        person = Subscriber()
        session.add(person)
        session.flush()
        session.add(
            Destination(
                kind=DestinationKind.EMAIL,
                subscriber_id=person.id,
                address="ali@example.org",
                address_hash=address_hash(runtime.vault, "email", "ali@example.org"),
                lane="other",
            )
        )
    assert run(runtime, "ali@example.org,,,,").changed == 1
    [[row], subscribers, consents] = snapshot(runtime)
    assert (row.verified_at, subscribers, consents) == (NOW, 1, 1)


def test_an_existing_choice_keeps_its_frequency(runtime: Runtime) -> None:
    run(runtime, "ali@example.org,iklim-cevre,,weekly,tr")
    run(runtime, "ali@example.org,iklim-cevre;su-kanal,,instant,tr")
    [rows, _, consents] = snapshot(runtime)
    assert [row.frequency for row in rows] == [Frequency.WEEKLY, Frequency.INSTANT]
    assert consents == 2


def test_every_mistake_is_named_with_its_line_and_nothing_is_stored(runtime: Runtime) -> None:
    found = errors(
        runtime,
        "ali@example.org,,,,tr",
        "ali at example.org,,,,tr",
        "ayse@example.org,iklim,kona,hourly,de",
        "short@example.org,,",
        "long@example.org,,,,tr,more",
    )
    assert len(found) == 7
    assert found[0].startswith("line 3: address: an address has an @")
    assert "line 4: there is no topic 'iklim'; the nearest are iklim-cevre" in found[1]
    assert "line 4: there is no place 'kona'; the nearest are konak" in found[2]
    assert found[3] == "line 4: frequency 'hourly' must be one of instant, daily, weekly"
    assert found[4] == "line 4: language 'de' must be tr or en"
    assert found[5].startswith("line 5: must have 5 columns")
    assert found[6].startswith("line 6: must have 5 columns")
    assert snapshot(runtime) == [[], 0, 0]


def test_a_repeated_mistake_is_named_on_each_line(runtime: Runtime) -> None:
    found = errors(runtime, "a@example.org,iklim,,,", "b@example.org,iklim,,,")
    assert [text.partition(":")[0] for text in found] == ["line 2", "line 3"]


@pytest.mark.parametrize("header", ["", "address;topics;places;frequency;language", "email"])
def test_a_wrong_header_is_said(runtime: Runtime, header: str) -> None:
    with pytest.raises(ImportRefused, match="separated by commas: address,topics"):
        import_subscribers(
            runtime.db, runtime.vault, [header, "a@example.org"], consent_origin=ORIGIN, now=NOW
        )


def test_a_hostile_address_is_no_address(runtime: Runtime) -> None:
    found = errors(runtime, '"a@example.org\r\nBcc: b@example.org",,,,', "=1+1@example,,,,")
    assert len(found) == 2
