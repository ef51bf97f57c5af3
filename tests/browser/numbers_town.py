"""A year of figures of a middling city, for the statistics' pictures."""

from __future__ import annotations

from datetime import date, timedelta
from math import sin

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import (
    BounceDay,
    DelayDay,
    DeliveryDay,
    Figure,
    Place,
    ReaderDay,
    TallyDay,
    Topic,
)

STATES = {0: 4, 1: 5_200, 2: 90, 3: 60, 4: 12, 5: 140}
DOMAINS = {"gmail.com": 40, "hotmail.com": 22, "example.edu.tr": 6, "kucuk.example": 0, "": 9}


def fill(session: Session, today: date, days: int = 365) -> None:
    """Deliveries, delays, readers and bounces of every day of a year, or of some days."""
    for back in range(days, -1, -1):
        day = today - timedelta(days=back)
        wave = 1.0 + 0.4 * sin(back / 9.0) - 0.3 * (day.weekday() >= 5)
        _deliveries(session, day, wave, is_old=back > 90)
        for bucket in range(20, 52):
            share = max(0.0, 1 - abs(bucket - 30 - 3 * wave) / 12)
            session.add(
                DelayDay(
                    day=day,
                    destination_kind="email",
                    lane="other",
                    bucket=bucket,
                    count=int(800 * share) + 1,
                )
            )
        readers = 21_400 - 31 * back
        flows = {Figure.READERS: readers, Figure.JOINED: 48 * wave, Figure.LEFT: 17 / wave}
        for figure, count in flows.items():
            session.add(ReaderDay(day=day, figure=figure, key="", count=int(count)))
        for domain, count in DOMAINS.items():
            for verdict, share in (("hard", 0.5), ("soft", 0.4), ("complaint", 0.1)):
                session.add(
                    BounceDay(
                        day=day, domain=domain, verdict=verdict, count=int(count * share * wave)
                    )
                )
    _snapshot(session, today)


def _deliveries(session: Session, day: date, wave: float, *, is_old: bool) -> None:
    model = DeliveryDay if is_old else TallyDay
    for state, count in STATES.items():
        for kind, share in (("email", 0.9), ("chat", 0.1)):
            session.add(
                model(
                    day=day,
                    kind="new",
                    destination_kind=kind,
                    lane="other",
                    state=state,
                    count=int(count * share * wave),
                )
            )


def _snapshot(session: Session, today: date) -> None:
    topics = session.scalars(select(Topic.id).order_by(Topic.position)).all()
    places = session.scalars(select(Place.id).order_by(Place.position)).all()
    counts = [(Figure.TOPIC, "0", 3_120), (Figure.PLACE, "0", 12_480)]
    for number, topic in enumerate(topics[:-2]):
        counts.append((Figure.TOPIC, str(topic), 6_400 // (number + 1) if number != 5 else 3))
    for number, place in enumerate(places):
        counts.append((Figure.PLACE, str(place), 2_900 // (number + 1)))
    counts += [
        (Figure.FREQUENCY, "instant", 14_200),
        (Figure.FREQUENCY, "daily", 6_300),
        (Figure.FREQUENCY, "weekly", 1_900),
        (Figure.KIND, "email", 20_100),
        (Figure.KIND, "chat", 1_300),
        (Figure.SILENT, "unverified::", 212),
        (Figure.SILENT, f"pair:{topics[0]}:{places[0]}", 31),
        (Figure.SILENT, f"terms:{topics[1]}:", 3),
    ]
    for figure, key, count in counts:
        session.add(ReaderDay(day=today, figure=figure, key=key, count=count))
