"""Whom mail comes from, and who answers for it: the signature and the sender's address."""

from __future__ import annotations

from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from service.dkim import NAME, signing_key
from service.settings.arrival import Bounces
from service.settings.part import Part


class Signature(Part):
    """The key that signs mail (DKIM)."""

    dkim_key: SecretStr = Field(
        SecretStr(""),
        description="RSA key (PEM) that signs mail, best by TELLAL_DKIM_KEY_FILE; made by "
        "`tellal mail key`. Empty: the relay signs.",
    )
    dkim_selector: str = Field("", description="Name under which the DNS publishes that key.")
    dkim_domain: str = Field(
        "",
        description="Domain that signs: that of TELLAL_MAIL_FROM (if empty) or one above it.",
    )

    @field_validator("dkim_key")
    @classmethod
    def _signs(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            signing_key(value.get_secret_value())
        return value

    @field_validator("dkim_selector", "dkim_domain")
    @classmethod
    def _name(cls, value: str) -> str:
        if value and not NAME.fullmatch(value):
            raise ValueError(f"{value!r} is no name of the DNS: a-z, 0-9, hyphens, dots between")
        return value


class Sender(Bounces, Signature):
    """The sender's address, whose domain the signature must cover."""

    mail_from: str = Field(
        "haber@tellal.example", description="Address that mail comes from, else that of brand.yaml."
    )

    @model_validator(mode="after")
    def _is_aligned(self) -> Self:
        """A signature counts for DMARC where its domain is the sender's or above it (RFC 7489)."""
        if bool(self.dkim_key.get_secret_value()) != bool(self.dkim_selector):
            raise ValueError("TELLAL_DKIM_KEY and TELLAL_DKIM_SELECTOR go together: set both")
        if self.dkim_selector and not NAME.fullmatch(self.signing_domain):
            raise ValueError(
                f"the domain of TELLAL_MAIL_FROM, {self.signing_domain}, cannot sign: "
                "write it as the DNS does (xn--…)"
            )
        if not f".{self.mail_domain}".endswith(f".{self.signing_domain}"):
            raise ValueError(
                f"TELLAL_DKIM_DOMAIN={self.dkim_domain} does not cover the sender's domain, "
                f"{self.mail_domain}: mailboxes would not count the signature"
            )
        return self

    @property
    def mail_domain(self) -> str:
        """The domain that mail comes from."""
        return self.mail_from.rpartition("@")[2].lower()

    @property
    def signing_domain(self) -> str:
        """The domain that answers for mail by its signature."""
        return self.dkim_domain or self.mail_domain

    @property
    def complaints_to(self) -> str:
        """Where complaints of mailbox providers arrive, in lower case."""
        return (self.complaint_address or f"fbl@{self.mail_domain}").lower()
