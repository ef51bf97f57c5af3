"""The city as people know it: its name, look, sites and clock; and how they come in."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from service.brand import Brand
from service.setting_sources import brand_of
from service.settings.address import Address
from service.settings.part import Names


class City(Address):
    """The name is the brand's where no other is set."""

    city_name: str = Field("", description="Name that people see; empty: that of brand.yaml.")
    sitemap_hosts: Names = Field(
        (),
        description="Hosts of the city's own sites whose robots.txt names our /sitemap.xml, joined "
        "by commas: the articles' addresses there are in our sitemaps too.",
    )
    trusted_proxies: int = Field(
        0, ge=0, le=5, description="Reverse proxies in front whose X-Forwarded-For is believed."
    )
    timezone: str = Field("Europe/Istanbul", description="The city's time zone.")
    confirmation_mails_per_hour: int = Field(
        2000,
        ge=1,
        description="Most sign-ups an hour, of all people together, that get a confirmation mail; "
        "further ones are asked to wait. It keeps the form from being used to flood mailboxes.",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_name(cls, values: dict[str, Any]) -> dict[str, Any]:
        """A city without a name of its own is called as its brand says."""
        if not values.get("city_name"):
            folder = values.get("config_dir") or cls.model_fields["config_dir"].default
            values["city_name"] = _name(brand_of(Path(folder).expanduser()))
        return values

    @cached_property
    def brand(self) -> Brand:
        """What pages and letters look like."""
        return brand_of(self.config_dir)

    def city(self, language: str) -> tuple[str, str]:
        """The city's name as this language has it, and which language it is in."""
        if self.city_name != _name(self.brand):
            return self.city_name, self.brand.language
        return self.brand.spoken(self.brand.city, language)

    @property
    def sender_name(self) -> str:
        """Whom letters come from."""
        return self.brand.sender.name or self.city_name


def _name(brand: Brand) -> str:
    return brand.spoken(brand.city, brand.language)[0]
