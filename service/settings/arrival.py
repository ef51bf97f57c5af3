"""Whether news arrives: what comes back of it, and canaries that prove it (docs/canary.md)."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from service.settings.part import Part


class Bounces(Part):
    """Where bounces and complaints come in."""

    bounce_lmtp: str = Field(
        "",
        description="Where the intake of bounces, complaints and mailed unsubscribes listens for a "
        "mail server: host:port, or the path of a unix socket (LMTP, docs/bounces.md). Empty: off.",
    )
    bounce_imap_url: SecretStr = Field(
        SecretStr(""),
        description="imaps://user:password@host/INBOX of a mailbox of its own in which such mail "
        "arrives; read every minute. What was understood is deleted there. Empty: off.",
    )
    complaint_address: str = Field(
        "",
        description="Address to which mailbox providers send complaints (feedback loop); empty: "
        "fbl@ at the domain of TELLAL_MAIL_FROM.",
    )

    @field_validator("bounce_lmtp")
    @classmethod
    def _listens(cls, value: str) -> str:
        host, _, port = value.rpartition(":")
        is_port = bool(host) and port.isascii() and port.isdigit() and 0 <= int(port) <= 65535
        if value and not value.startswith("/") and not is_port:
            raise ValueError(f"{value!r} is neither host:port nor the path of a unix socket")
        return value

    @property
    def reads_mail(self) -> bool:
        """True where somebody reads what is sent to `b+…` and `u+…`."""
        return bool(self.bounce_lmtp or self.bounce_imap_url.get_secret_value())


class Canaries(Part):
    """Addresses of the city's own, one for each way that news goes."""

    canary_email: str = Field(
        "",
        description="Address of the city's own that is told of every article, to prove that mail "
        "arrives: its letters must come into the mailbox that TELLAL_BOUNCE_LMTP or "
        "TELLAL_BOUNCE_IMAP_URL reads; where none is read, the relay's word is all there is. "
        "It counts as no reader (docs/canary.md). Empty: off.",
    )
    canary_channel: str = Field(
        "",
        description="Name of a channel of the city's own that hears of everything, to prove that "
        "chat services accept what they are sent. Empty: off.",
    )
    canary_feed: str = Field(
        "",
        description="Public address of the city's feed of all news, as readers reach it, for "
        "example https://haber.example.org/feeds/all.atom: fetched to prove that each article is "
        "in it. Empty: off.",
    )
    canary_limit_s: int = Field(
        3600,
        ge=60,
        le=43_200,
        description="Seconds after its release in which a canary must have heard of an article, "
        "else it is an alarm. Longer than it takes to tell all readers: a canary stands in their "
        "line.",
    )

    @field_validator("canary_feed")
    @classmethod
    def _fetched(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("https", "http") or not parts.hostname):
            raise ValueError("write the feed's address, as in https://example.org/feeds/all.atom")
        return value
