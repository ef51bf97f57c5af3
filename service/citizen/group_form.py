"""A group of subscriptions as a page shows it, and the form that changes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from service.citizen.draft import ALL
from service.models import Frequency, Place, Topic
from service.pages import language
from service.subscriptions.changing import Asking, Group


@dataclass(frozen=True)
class Drawn:
    """A group in words, in the language of the page. No topic: all; no places: the whole city."""

    id: int
    topic: str | None
    places: list[str] | None
    frequency: str
    is_local_only: bool
    since: datetime


@dataclass(frozen=True)
class Answer:
    """A filled-in form: slugs of places, or `ALL`."""

    places: tuple[str, ...]
    frequency: str
    is_local_only: bool

    def asking(self, session: Session) -> Asking:
        """What the form, which has no errors, asks for."""
        places = None if ALL in self.places else tuple(_place_ids(session, self.places))
        return Asking(places, Frequency(self.frequency), self.is_local_only)


def drawn(session: Session, group: Group) -> Drawn:
    topic = session.get_one(Topic, group.topic_id).name(language()) if group.topic_id else None
    places = group.place_ids and [session.get_one(Place, place).name for place in group.place_ids]
    return Drawn(
        group.ids[0],
        topic,
        places or None,
        str(group.frequency),
        group.is_local_only,
        group.since,
    )


def said(group: Group, session: Session) -> Answer:
    """The form as it is before anybody has touched it."""
    slugs: tuple[str, ...] = (ALL,)
    if group.place_ids is not None:
        slugs = tuple(session.scalars(select(Place.slug).where(Place.id.in_(group.place_ids))))
    return Answer(slugs, str(group.frequency), group.is_local_only)


def answers(form: MultiDict[str, str], session: Session) -> tuple[Answer, dict[str, str]]:
    """What was filled in, and what is wrong with it by the names of the fields."""
    slugs = form.getlist("places")[:1000]
    places = (ALL,) if ALL in slugs else tuple(dict.fromkeys(slugs))
    answer = Answer(places, form.get("frequency", "")[:16], form.get("local") == "yes")
    errors = {}
    if ALL not in places and not _place_ids(session, places):
        errors["places"] = gettext("Select at least one district, or the whole city")
    if answer.frequency not in list(Frequency):
        errors["frequency"] = gettext("Select how often")
    return answer, errors


def _place_ids(session: Session, slugs: tuple[str, ...]) -> list[int]:
    return list(session.scalars(select(Place.id).where(Place.slug.in_(slugs)).order_by(Place.id)))
