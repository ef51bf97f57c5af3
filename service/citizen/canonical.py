"""The one address of each page, and the same page in the other languages: for search engines.

Addresses are absolute, as they demand, and hold nothing but what changes the page (ADR 38).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import request

from service.brand import Brand
from service.pages import language, runtime


@dataclass(frozen=True)
class Canonical:
    """`alternates` are pairs of a language's code (`x-default`: any other) and an address, the
    page's own among them; empty for a page that another site answers for."""

    url: str
    alternates: tuple[tuple[str, str], ...] = ()


def shared() -> dict[str, Any]:
    """For the templates of a part: the address of each page that has one which anybody may know.

    What a form answers has none, nor has a page whose path holds a token or a name.
    """
    is_asked = request.method in ("GET", "HEAD") and request.url_rule is not None
    values = (request.view_args or {}).values()
    if not is_asked or any(isinstance(value, str) for value in values):
        return {"canonical": None}
    return {"canonical": own(request.path)}


def own(path: str) -> Canonical:
    """A page of ours by its path and query, which are those of the request's language."""
    settings = runtime().settings
    bare = path.removeprefix(settings.brand.prefix(language())) or "/"
    pairs = tuple(in_languages(settings.brand, settings.public_url, bare))
    return Canonical(settings.public_url + path, pairs if len(settings.brand.languages) > 1 else ())


def in_languages(brand: Brand, public_url: str, bare: str) -> Iterator[tuple[str, str]]:
    """Each language and the address in it of a page that is `bare` in the first; then the default
    for everybody else."""
    for code in brand.languages:
        yield code, f"{public_url}{brand.prefix(code)}{bare}"
    yield "x-default", f"{public_url}{bare}"
