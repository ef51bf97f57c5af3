"""The relays that mail leaves by, and how much of it at a time."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from service.settings.part import Part
from service.smtp import Server, verifying


class Relays(Part):
    """SMTP servers, and the authorities that vouch for them."""

    smtp_url: SecretStr = Field(
        SecretStr(""),
        description="smtp://user:password@host:port, smtp+starttls://… or smtps://…; "
        "empty: mail goes to /dev/mailbox.",
    )
    smtp_more_urls: SecretStr = Field(
        SecretStr(""),
        description="Further relays that share the mail with TELLAL_SMTP_URL, joined by spaces; "
        "#weight=2 at the end of any of them gives it twice the connections. One that is away is "
        "left out until it is back (docs/scale.md).",
    )
    smtp_fallback_url: SecretStr = Field(
        SecretStr(""),
        description="A last relay, used while none of the others can be reached, or they only "
        "hang up.",
    )
    smtp_ca: str = Field(
        "",
        description="Certificates (PEM) of authorities of your own that relays may have theirs "
        "from, beside those that this machine trusts; best by TELLAL_SMTP_CA_FILE.",
    )

    @field_validator("smtp_url", "smtp_fallback_url")
    @classmethod
    def _is_a_relay(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            Server.of(value.get_secret_value())
        return value

    @field_validator("smtp_more_urls")
    @classmethod
    def _are_relays(cls, value: SecretStr) -> SecretStr:
        for number, url in enumerate(value.get_secret_value().split(), 1):
            try:
                Server.of(url)
            except ValueError as error:
                raise ValueError(f"relay {number} {error}") from error
        return value

    @model_validator(mode="after")
    def _has_a_first_relay(self) -> Self:
        """What shares the mail needs somebody to share it with; no mail leaves by a slip."""
        if self.smtp_more_urls.get_secret_value() and not self.smtp_url.get_secret_value():
            raise ValueError("TELLAL_SMTP_MORE_URLS needs TELLAL_SMTP_URL, the first relay")
        named = [str(Server.of(url)) for url in self.relay_urls]
        if len(set(named)) < len(named):
            raise ValueError("TELLAL_SMTP_URL and TELLAL_SMTP_MORE_URLS name one relay twice")
        return self

    @field_validator("smtp_ca")
    @classmethod
    def _vouches(cls, value: str) -> str:
        verifying(value)
        return value

    @property
    def relay_urls(self) -> tuple[str, ...]:
        """The relays that share the mail, the first one first; none: the built-in mailbox."""
        first = self.smtp_url.get_secret_value()
        return (first, *self.smtp_more_urls.get_secret_value().split()) if first else ()


class Pace(Part):
    """How much mail leaves at a time."""

    mail_processes: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes of `tellal up` that send mail: one a core where letters are signed.",
    )
    mail_warmup: int = Field(
        0,
        ge=0,
        description="Letters that each provider gets on the first day from a new sending address, "
        "for example 500; more each good day. What is beyond waits, and is news for a day only. "
        "0: no limit.",
    )
