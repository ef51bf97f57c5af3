"""Figures of readers: what they asked for, who came and left, who waits in vain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime

from flask_babel import lazy_gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.admin.figures import DAY, KINDS, Column, Names, Period, Table, shown
from service.models import Figure, ReaderDay
from service.subscriptions.silence import CERTAINTY, Certainty, Silence

READERS = Column("readers", _("Readers"))
FREQUENCIES = {
    "instant": _("At once"),
    "daily": _("Once a day"),
    "weekly": _("Once a week"),
}


SILENCES = {
    "unverified": _("The address was not confirmed in 30 days"),
    "suppressed": _("The address is suppressed"),
    "off": _("The destination is switched off without an end"),
    "channel": _("The channel has been paused for 30 days"),
    "kind": _("The settings no longer offer this kind of chat"),
    "scheme": _("The settings no longer allow this kind of channel"),
    "district": _("The district is switched off"),
    "urgent": _("A summary of urgent news alone"),
    "break": _("The reader’s break lasts longer than a year"),
    "terms": _("The topic has neither terms nor sections"),
    "news": _("No news had the topic in a year"),
    "pair": _("No news had this topic and this district in a year"),
}

SURENESS = {
    Certainty.NEVER: _("Cannot come"),
    Certainty.UNSEEN: _("Did not come"),
    Certainty.PARTLY: _("Comes in part"),
}
# What staff do about each.
REMEDIES = {
    "unverified": _("Nothing: the address is forgotten by itself."),
    "suppressed": _("Lift the suppression once the mailbox takes mail again."),
    "off": _("Ask the person; only they can switch it on."),
    "channel": _("Resume the channel, give it a new address, or remove it."),
    "kind": _("Offer that kind of chat again, or ask its readers to choose another way."),
    "scheme": _("It is still told. Allow the kind again, or remove the channel."),
    "district": _("Switch the district on again, or tell its readers by other news."),
    "urgent": _("It hears only of what two people on the staff release to everybody."),
    "break": _("Nothing: the person wanted it so."),
    "terms": _("Give the topic terms or sections, or have the CMS name it."),
    "news": _("See whether the topic’s terms are right, or retire it once nobody asks for it."),
    "pair": _("Nothing, if there is no such news; else see the terms of topic and district."),
}


def growth(session: Session, period: Period, _names: Names) -> Table:
    """People who came and who left."""
    counts: defaultdict[str, Counter[date]] = defaultdict(Counter)
    for row in _reader_days(session, period, Figure.JOINED, Figure.LEFT):
        counts[row.figure][period.step_of(row.day)] += row.count
    rows = [
        (step, shown(counts[Figure.JOINED][step]), shown(counts[Figure.LEFT][step]))
        for step in period.steps
    ]
    columns = (DAY, Column("joined", _("Came"), "good"), Column("left", _("Left"), "bad"))
    return Table(columns, rows)


def readers(session: Session, period: Period, _names: Names) -> Table:
    """How many there were at the beginning of a day; of a week's days the last that was counted."""
    counts: dict[date, int] = {}
    for row in _reader_days(session, period, Figure.READERS):
        counts[period.step_of(row.day)] = row.count
    rows = [(step, shown(counts[step]) if step in counts else None) for step in period.steps]
    return Table((DAY, READERS), rows)


def topics(session: Session, period: Period, names: Names) -> Table:
    """Readers by topic, the most first; who asked for several counts for each."""
    return _snapshot(session, Figure.TOPIC, Column("topic", _("Topic")), _by_id(names.topics))


def districts(session: Session, period: Period, names: Names) -> Table:
    """Readers by district, likewise."""
    column = Column("district", _("District"))
    return _snapshot(session, Figure.PLACE, column, _by_id(names.places))


def frequencies(session: Session, period: Period, _names: Names) -> Table:
    """Readers by how often they want to hear."""
    column = Column("frequency", _("Frequency"))
    texts = {key: str(text) for key, text in FREQUENCIES.items()}
    return _snapshot(session, Figure.FREQUENCY, column, texts)


def kinds(session: Session, period: Period, _names: Names) -> Table:
    """Readers by the way that news takes to them."""
    texts = {key: str(KINDS[key].text) for key in ("email", "chat")}
    return _snapshot(session, Figure.KIND, Column("kind", _("Way")), texts)


def unfollowed(session: Session, period: Period, names: Names) -> Table:
    """Topics that nobody follows. Who follows everything is not asked about each."""
    day, as_of = _newest(session)
    rows = _figures(session, day, Figure.TOPIC)
    followed = {int(row.key) for row in rows if row.count}
    idle = [(name,) for id_, name in names.topics.items() if id_ and id_ not in followed]
    return Table((Column("topic", _("Topic")),), idle if day else [], as_of)


def silent(session: Session, period: Period, names: Names) -> Table:
    """Subscriptions that can never fire, or did not, with the reason, the most first."""
    day, as_of = _newest(session)
    rows = []
    for row in sorted(_figures(session, day, Figure.SILENT), key=lambda one: -one.count):
        reason, topic, place = row.key.split(":")
        about = [names.topics.get(int(topic), topic)] if topic else []
        about += [names.places.get(int(place), place)] if place else []
        sure = SURENESS[CERTAINTY[Silence(reason)]]
        said = (str(SILENCES[reason]), ", ".join(about), shown(row.count))
        rows.append((*said, str(sure), str(REMEDIES[reason])))
    columns = (
        Column("reason", _("Why nothing comes")),
        Column("about", _("About")),
        Column("subscriptions", _("Subscriptions")),
        Column("certainty", _("How sure")),
        Column("remedy", _("What to do")),
    )
    return Table(columns, rows, as_of)


def _reader_days(session: Session, period: Period, *figures: Figure) -> Iterator[ReaderDay]:
    yield from session.scalars(
        select(ReaderDay)
        .where(ReaderDay.day.between(period.first, period.today))
        .where(ReaderDay.figure.in_(figures))
        .order_by(ReaderDay.day)
    )


def _newest(session: Session) -> tuple[date | None, datetime | None]:
    """The newest day that was counted, and when."""
    row = session.scalars(
        select(ReaderDay)
        .where(ReaderDay.figure == Figure.READERS)
        .order_by(ReaderDay.day.desc())
        .limit(1)
    ).first()
    return (None, None) if row is None else (row.day, row.counted_at)


def _figures(session: Session, day: date | None, figure: Figure) -> Sequence[ReaderDay]:
    query = select(ReaderDay).where(ReaderDay.day == day, ReaderDay.figure == figure)
    return session.scalars(query).all()


def _snapshot(session: Session, figure: Figure, column: Column, texts: dict[str, str]) -> Table:
    day, as_of = _newest(session)
    counts = Counter({row.key: row.count for row in _figures(session, day, figure)})
    rows = [(texts[key], shown(counts[key])) for key in texts if key in counts]
    # Of figures that look alike the order must not say which is the larger.
    rows.sort(key=lambda row: (-(row[1] if row[1] is not None else 1), row[0]))
    return Table((column, READERS), rows, as_of)


def _by_id(names: dict[int, str]) -> dict[str, str]:
    return {str(id_): name for id_, name in names.items()}
