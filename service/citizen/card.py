"""What a page says of itself to sites that show a link to it: Open Graph and Twitter's names."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from babel.core import get_global

from service.archive.address import city_address
from service.citizen.canonical import Canonical
from service.pages import language, runtime


@dataclass(frozen=True)
class Card:
    """`kind` is a type of Open Graph: `article` alone has times, a section and tags. `locales` are
    those that the page is in beside its own."""

    title: str
    description: str
    url: str
    locale: str
    locales: tuple[str, ...] = ()
    kind: str = "website"
    image: str = ""
    image_alt: str = ""
    published_at: datetime | None = None
    modified_at: datetime | None = None
    section: str = ""
    tags: tuple[str, ...] = ()


def page_card(title: str, description: str, canonical: Canonical) -> Card:
    """The card of a page that is written anew in each language."""
    others = [code for code in runtime().settings.brand.languages if code != language()]
    return Card(
        title=title,
        description=description,
        url=canonical.url,
        locale=locale_of(language()),
        locales=tuple(map(locale_of, others)),
    )


def locale_of(code: str) -> str:
    """A language with the territory where most speak it, as Open Graph writes it: `tr_TR`."""
    spoken, _, rest = code.partition("-")
    if len(rest) == 2:
        return f"{spoken}_{rest.upper()}"
    likely = str(get_global("likely_subtags").get(spoken, ""))
    territory = likely.rpartition("_")[2]
    return f"{spoken}_{territory}" if territory else spoken


def picture_address(image: dict[str, object] | None) -> str:
    """Where an article's picture is; empty for none that a browser would load."""
    return city_address(str((image or {}).get("url", "")))
