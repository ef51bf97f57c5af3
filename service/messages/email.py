"""Email: letters about articles, and the service's own letters (confirm, welcome)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from sqlalchemy import RowMapping

from service.crypto import Vault
from service.messages.letter import Letter
from service.messages.story import Name, Story
from service.messages.wording import long_date, opening, spoken, words
from service.settings import Settings

TEMPLATES = Path(__file__).parent.parent / "templates" / "mail"


@dataclass(frozen=True)
class Reader:
    """One recipient, as the ledger hands them over, and why they get this letter."""

    destination_id: int
    address: str
    language: str
    subscription_id: int
    topic_id: int | None
    place_id: int | None
    subscribed_at: datetime | None

    @classmethod
    def from_row(cls, row: RowMapping) -> Reader:
        return cls(
            destination_id=row["destination_id"],
            address=row["address"],
            language=spoken(row["language"]),
            subscription_id=row["subscription_id"] or 0,
            topic_id=row["topic_id"],
            place_id=row["place_id"],
            subscribed_at=row["subscribed_at"],
        )


class Letterhead:
    """Renders letters of one installation; thread-safe once made."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._settings, self._vault = settings, vault
        self._zone = ZoneInfo(settings.timezone)
        self._domain = settings.mail_from.rpartition("@")[2]
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(["html"]),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def about(
        self,
        story: Story,
        reader: Reader,
        notification_id: int,
        names: Mapping[int, Name],
        at: datetime,
    ) -> Letter:
        """A letter that tells one reader an article, and why they are told.

        `names` holds the places by id, for readers who asked for a district.
        """
        token = self._vault.token(
            "unsubscribe", notification_id, reader.destination_id, reader.subscription_id
        )
        unsubscribe = f"{self._settings.public_url}/u/{token}"
        say = opening(story.kind, story.title, story.note, reader.language)
        threads = {"In-Reply-To", "References"} if story.original else set()
        original = self._message_id(story.original or 0, reader)
        asked = next((t.slug for t in story.topics if t.id == reader.topic_id), "all")
        return self._letter(
            "article",
            reader,
            notification_id,
            say.title,
            at,
            {
                "story": story,
                "opening": say,
                "why": self._why(story, reader, names),
                "evidence": self._evidence(story, reader),
                "unsubscribe": unsubscribe,
            },
            {
                "List-Id": f"<{asked}.haber.{self._domain}>",
                # No mailto beside it until somebody reads that mail: a lost wish to leave is worse.
                "List-Unsubscribe": f"<{unsubscribe}>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "Precedence": "list",
                "Feedback-ID": f"{asked}:article:tellal",
                # What follows up a letter is shown below it.
                **dict.fromkeys(sorted(threads), f"<{original}>"),
            },
        )

    def service(
        self, reader: Reader, notification_id: int, payload: Mapping[str, Any], at: datetime
    ) -> Letter:
        """One of the service's own letters, by the template that the payload names."""
        template = str(payload["template"])
        language = spoken(str(payload.get("language", reader.language)))
        link = ""
        if template == "confirm":
            prefix = "/en" if language == "en" else ""
            token = self._vault.token("confirm", int(payload["token_id"]))
            link = f"{self._settings.public_url}{prefix}/confirm/{token}"
        subject = words(language)[f"{template}_subject"]
        return self._letter(
            template, reader, notification_id, subject, at, {"link": link}, {}, language
        )

    def _letter(
        self,
        template: str,
        reader: Reader,
        notification_id: int,
        subject: str,
        at: datetime,
        values: dict[str, Any],
        headers: dict[str, str],
        language: str | None = None,
    ) -> Letter:
        language = language or reader.language
        values |= {
            "words": words(language),
            "language": language,
            "subject": subject,
            "city": self._settings.city_name,
        }
        message_id = self._message_id(notification_id, reader)
        return Letter(
            sender_name=self._settings.city_name,
            sender=self._settings.mail_from,
            envelope_sender=f"b+{message_id}",
            recipient=reader.address,
            subject=subject,
            message_id=message_id,
            at=at,
            text=self._templates.get_template(f"{template}.txt").render(values),
            html=self._templates.get_template(f"{template}.html").render(values),
            headers=headers,
        )

    def _message_id(self, notification_id: int, reader: Reader) -> str:
        """The same on every try."""
        token = self._vault.token("mail", notification_id, reader.destination_id)
        return f"{token}@{self._domain}"

    def _why(self, story: Story, reader: Reader, names: Mapping[int, Name]) -> str:
        say = words(reader.language)
        topic = next((t for t in story.topics if t.id == reader.topic_id), None)
        place = names.get(reader.place_id or 0)
        asked = reader.subscribed_at or datetime.now(self._zone)
        return say["why"].format(
            date=long_date(asked.astimezone(self._zone).date(), reader.language),
            topic=topic.spoken(reader.language) if topic else say["all_topics"],
            place=place.spoken(reader.language) if place else say["whole_city"],
            frequency=say["instant"],
        )

    def _evidence(self, story: Story, reader: Reader) -> str:
        topic_id = reader.topic_id or (story.topics[0].id if story.topics else 0)
        terms = story.terms.get(topic_id)
        return words(reader.language)["evidence"].format(terms=", ".join(terms)) if terms else ""
