"""Email: what all letters of an installation have in common, and the service's own letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.crypto import Vault
from service.ledger.lease import Row
from service.messages.brand import letter_colours
from service.messages.letter import WholeLetter
from service.messages.stationery import Sheet, Stationery, stationery
from service.messages.wording import spoken, words
from service.settings import Settings

# The service's own letters, and where the link of each leads: to a page that takes a token, signed
# for this purpose, or to one that everybody may open.
SERVICE_LETTERS: dict[str, tuple[str, str]] = {
    "confirm": ("confirm", "/confirm/"),
    "welcome": ("", "/sign-in"),
    "sign_in": ("sign-in", "/sign-in/"),
    "move": ("move", "/address/"),
    "move_asked": ("move-stop", "/address/stop/"),
    "move_taken": ("", "/sign-in"),
    "moved": ("", "/sign-in"),
}


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
    def from_row(cls, row: Row) -> Reader:
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
    """Who writes, on what paper, and the tokens that letters carry; thread-safe once made."""

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        paper: Stationery | None = None,
        *,
        is_strict: bool = False,
    ) -> None:
        """`paper`: the templates as they are in use (`service.messages.publishing`); without, as
        nobody has published any.
        `is_strict`: one of the staff's that cannot be used is an error, as they want to see it;
        else the program's own is used in its place."""
        self._settings, self._vault = settings, vault
        self._zone = ZoneInfo(settings.timezone)
        self.paper = paper or stationery(settings.config_dir / "mail")
        self._write = self.paper.draft if is_strict else self.paper.write
        self._colours = letter_colours(settings.brand.palette)
        self.domain = settings.mail_domain

    def local_date(self, at: datetime) -> date:
        """The date in the city."""
        return at.astimezone(self._zone).date()

    def message_id(self, notification_id: int, destination_id: int) -> str:
        """Names a delivery, in the envelope sender too; the same on every try."""
        return f"{self._vault.token('mail', notification_id, destination_id)}@{self.domain}"

    def way_out(self, notification_id: int, reader: Reader) -> str:
        """The token by which a reader leaves; it belongs behind `unsubscribe_url`."""
        return self._vault.token(
            "unsubscribe", notification_id, reader.destination_id, reader.subscription_id
        )

    def ways_out(self, token: str) -> str:
        """The value of List-Unsubscribe (RFC 2369): by the web, and by mail where somebody reads
        that: a lost wish to leave is worse than none."""
        by_mail = f",\r\n <mailto:u+{token}@{self.domain}>" if self._settings.reads_mail else ""
        return f"<{self.unsubscribe_url}{token}>{by_mail}"

    def page(self, path: str, language: str) -> str:
        """The address of a page of the site in this language; `path` begins with a slash."""
        return f"{self._settings.public_url}{self._settings.brand.prefix(language)}{path}"

    @property
    def unsubscribe_url(self) -> str:
        return f"{self._settings.public_url}/u/"

    def fill_in(
        self,
        template: str,
        language: str,
        values: Mapping[str, Any],
        slots: Mapping[str, str] | None = None,
    ) -> Sheet:
        """Both parts of a letter; what every template may name is added to `values`.

        Raises:
            TemplateError: the template cannot be used.
        """
        brand = self._settings.brand
        city, city_language = self._settings.city(language)
        common = {
            "words": {**words(language), "service_name": brand.spoken(brand.service, language)[0]},
            "language": language,
            "city": city,
            "city_language": city_language,
            "postal": brand.spoken(brand.postal, language)[0],
            "home": self.page("/", language),
            "manage": self.page("/sign-in", language),
            "brand": self._colours,
        }
        return self._write(template, {**common, **values}, slots or {})

    def letter(
        self,
        recipient: str,
        message_id: str,
        subject: str,
        at: datetime,
        sheet: Sheet,
        headers: dict[str, str],
    ) -> WholeLetter:
        """A letter from this house."""
        return WholeLetter(
            sender_name=self._settings.sender_name,
            sender=self._settings.mail_from,
            envelope_sender=self.envelope_sender(message_id),
            recipient=recipient,
            subject=subject,
            message_id=message_id,
            at=at,
            text=sheet.text,
            html=sheet.html,
            headers=headers,
        )

    def envelope_sender(self, message_id: str) -> str:
        """Where a bounce goes, which names the delivery by the same token (VERP)."""
        return f"b+{message_id}"

    def service(
        self, reader: Reader, notification_id: int, payload: Mapping[str, Any], at: datetime
    ) -> WholeLetter:
        """One of the service's own letters, by the template that the payload names."""
        template = str(payload["template"])
        language = spoken(str(payload.get("language", reader.language)))
        purpose, path = SERVICE_LETTERS.get(template, ("", "/"))
        token = self._vault.token(purpose, int(payload["token_id"])) if purpose else ""
        said = "confirm_more" if template == "confirm" and payload.get("is_known") else template
        say = words(language)
        subject = say[f"{said}_subject"]
        values = {
            "subject": subject,
            "lead": say.get(f"{said}_lead", ""),
            "link": self.page(path + token, language),
        }
        sheet = self.fill_in(template, language, values)
        message_id = self.message_id(notification_id, reader.destination_id)
        return self.letter(reader.address, message_id, subject, at, sheet, {})
