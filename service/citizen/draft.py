"""A sign-up on its way through the pages: signed answers in the form, nothing on the server.

No cookie is needed: the signature keeps what a form carries as it was answered, and the double
opt-in makes a form that somebody else sends harmless (ADR 18).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.datastructures import MultiDict

from service.db import utcnow
from service.models import Frequency, Place, Topic
from service.settings import Settings
from service.subscriptions.choices import Choices

ALL = "all"
WAYS = ("email", "feed", "chat")
MAX_EMAIL_FIELD = 320  # what is longer is cut before it is looked at
MAX_SLUG = 64
MAX_SLUGS = 200
# Longer than the 20 hours from which on a time limit may do without a warning (WCAG 2.2.1).
OPEN_FOR = timedelta(hours=24)


@dataclass(frozen=True)
class Draft:
    """Topics and places are slugs, or just `ALL`; empty where a question has no answer yet.

    `is_checked`: the page with all answers has been seen, so each change leads back to it.
    `consent_shown`: the hash of the sentence beside the box, so that nobody is taken to agree to
    another one. `origin`: where the sign-up began. Both are for the proof of consent.
    """

    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    is_local_only: bool = False
    frequency: str = ""
    way: str = ""
    email: str = ""
    has_consent: bool = False
    has_consent_abroad: bool = False
    consent_shown: str = ""
    is_checked: bool = False
    origin: str = "web"

    def with_answers(self, step: str, form: MultiDict[str, str]) -> Draft:
        """The draft after one page has been sent."""
        if step == "topics":
            return replace(self, topics=_all_or(form.getlist("topics")))
        if step == "places":
            return replace(
                self,
                places=_all_or(form.getlist("places")),
                is_local_only=form.get("city_news") != "yes",
            )
        if step == "often":
            return replace(self, frequency=_one_of(Frequency, form.get("frequency", "")))
        if step == "how":
            return replace(self, way=_one_of(WAYS, form.get("way", "")))
        if step == "address":
            return replace(
                self,
                email=form.get("email", "")[:MAX_EMAIL_FIELD],
                has_consent=form.get("consent") == "yes",
                has_consent_abroad=form.get("abroad") == "yes",
            )
        return replace(
            self,
            has_consent=self.has_consent or form.get("consent") == "yes",
            has_consent_abroad=self.has_consent_abroad or form.get("abroad") == "yes",
        )

    def choices(self, topics: Sequence[Topic], places: Sequence[Place]) -> Choices:
        return Choices(
            topic_ids=_ids(self.topics, topics),
            place_ids=_ids(self.places, places),
            frequency=Frequency(self.frequency or Frequency.INSTANT),
            is_local_only=self.is_local_only,
        )


@dataclass(frozen=True)
class Opened:
    """A draft that we signed. `is_stale`: longer ago than it may be carried on as it is."""

    draft: Draft
    is_stale: bool


class Signer:
    """Signs the answers that a form carries from page to page."""

    def __init__(self, settings: Settings) -> None:
        self._serializer = URLSafeSerializer(
            settings.secret_key.get_secret_value(), salt="tellal.subscribe"
        )

    def seal(self, draft: Draft) -> str:
        data = {**asdict(draft), "at": int(utcnow().timestamp())}
        sealed: str = self._serializer.dumps(data)
        return sealed

    def open(self, text: str) -> Opened | None:
        """What `seal` signed, or None for anything else."""
        try:
            data = self._serializer.loads(text)
            signed_at = datetime.fromtimestamp(data["at"], UTC)
            draft = _read(data)
        except (BadSignature, KeyError):  # the latter: an older release signed it
            return None
        return Opened(draft, is_stale=utcnow() - signed_at > OPEN_FOR)


def _read(data: dict[str, Any]) -> Draft:
    values = {field.name: data[field.name] for field in fields(Draft)}
    return Draft(**{**values, "topics": tuple(data["topics"]), "places": tuple(data["places"])})


def _all_or(slugs: list[str]) -> tuple[str, ...]:
    """Everything covers every part of it: ticking both means everything."""
    if ALL in slugs:
        return (ALL,)
    return tuple(dict.fromkeys(slug for slug in slugs[:MAX_SLUGS] if len(slug) <= MAX_SLUG))


def _one_of(known: Sequence[str] | type[Frequency], text: str) -> str:
    return text if text in tuple(known) else ""


def _ids(slugs: tuple[str, ...], rows: Sequence[Topic] | Sequence[Place]) -> tuple[int, ...] | None:
    if slugs == (ALL,):
        return None
    return tuple(row.id for row in rows if row.slug in slugs)
