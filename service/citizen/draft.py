"""A sign-up on its way through the pages: signed choices in the form, nothing on the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer
from werkzeug.datastructures import MultiDict

from service.models import Place, Topic
from service.settings import Settings
from service.subscriptions.choices import Choices

ALL = "all"
MAX_EMAIL_FIELD = 320  # what is longer is cut before it is looked at


@dataclass(frozen=True)
class Draft:
    """Slugs, or just `ALL`; empty where the question has not been answered."""

    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    email: str = ""
    has_consent: bool = False

    def with_answers(self, step: str, form: MultiDict[str, str]) -> Draft:
        """The draft after one page has been sent."""
        if step == "topics":
            return replace(self, topics=_all_or(form.getlist("topics")))
        if step == "places":
            return replace(self, places=_all_or(form.getlist("places")))
        return replace(
            self,
            email=form.get("email", "")[:MAX_EMAIL_FIELD],
            has_consent=form.get("consent") == "yes",
        )

    def choices(self, topics: Sequence[Topic], places: Sequence[Place]) -> Choices:
        return Choices(topic_ids=_ids(self.topics, topics), place_ids=_ids(self.places, places))


class Signer:
    """Signs the choices that a form carries from page to page."""

    def __init__(self, settings: Settings) -> None:
        self._serializer = URLSafeSerializer(
            settings.secret_key.get_secret_value(), salt="tellal.subscribe"
        )

    def seal(self, draft: Draft) -> str:
        sealed: str = self._serializer.dumps({"topics": draft.topics, "places": draft.places})
        return sealed

    def open(self, text: str) -> Draft | None:
        """The choices that `seal` signed, or None for anything else."""
        try:
            data: dict[str, Any] = self._serializer.loads(text)
        except BadSignature:
            return None
        return Draft(topics=tuple(data["topics"]), places=tuple(data["places"]))


def _all_or(slugs: list[str]) -> tuple[str, ...]:
    """Everything covers every part of it: ticking both means everything."""
    return (ALL,) if ALL in slugs else tuple(dict.fromkeys(slugs))


def _ids(slugs: tuple[str, ...], rows: Sequence[Topic] | Sequence[Place]) -> tuple[int, ...] | None:
    if slugs == (ALL,):
        return None
    return tuple(row.id for row in rows if row.slug in slugs)
