"""Values that several formats share: dates, addresses, languages, media types, HTML."""

from __future__ import annotations

import re
from datetime import datetime
from email.utils import parsedate_to_datetime
from html.parser import HTMLParser
from urllib.parse import urlsplit

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RFC822 = re.compile(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")
_URI = re.compile(r"([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]+(;.*)?", re.I)


def rfc3339(text: str | None) -> datetime | None:
    """None for what is no date."""
    if not text or not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def rfc822(text: str | None) -> datetime | None:
    """None for what is no date, has no numeric zone, or names another day of the week."""
    if not text or not _RFC822.fullmatch(text):
        return None
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return found if days[found.weekday()] == text[:3] else None


def is_uri(text: str | None) -> bool:
    """Absolute, and of the characters of RFC 3986 alone."""
    if not text or not _URI.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # raises where it is none
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or parts.scheme not in ("http", "https"))


def is_url(text: str | None) -> bool:
    """An address that a reader may open."""
    return is_uri(text) and urlsplit(text or "").scheme in ("http", "https")


def is_language(text: str | None) -> bool:
    return bool(text and _LANGUAGE.fullmatch(text))


def is_media_type(text: str | None) -> bool:
    return bool(text and _MEDIA_TYPE.fullmatch(text))


class _Html(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style", "iframe", "object", "embed", "form"):
            self.wrong.append(f"html-unsafe: <{tag}>")
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.wrong.append(f"html-unsafe: {name}")
            if name in ("href", "src") and not is_uri(value):
                self.wrong.append(f"html-link: {value!r} is not absolute and percent-encoded")
            elif name in ("href", "src") and not str(value).startswith(
                ("http:", "https:", "mailto:", "tel:")
            ):
                self.wrong.append(f"html-unsafe: {value!r}")


def html_findings(html: str) -> list[str]:
    """What a reader could not show, or should not."""
    parser = _Html()
    parser.feed(html)
    parser.close()
    return parser.wrong
