"""An article's HTML as feeds carry it: every link leads somewhere, whoever shows it."""

from __future__ import annotations

import html
from collections.abc import Callable
from urllib.parse import quote, urljoin

import nh3

from service.archive.xml_text import ascii_url, clean
from service.feeds.entries import Entry
from service.feeds.feed import Publisher
from service.feeds.texts import address, one_line

# Other attributes of the default set are of no use to readers of news.
_ATTRIBUTES = {
    "*": {"lang", "title"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
_LEADING = ("href", "src")
_WRITING = ("mailto", "tel")


def body(publisher: Publisher, entry: Entry) -> str:
    """The text, with absolute and percent-encoded addresses; empty where it has none."""
    if not entry.body_html:
        return ""
    cleaner = nh3.Cleaner(
        attributes=_ATTRIBUTES,
        attribute_filter=_absolute(address(publisher, entry)),
        url_schemes={"http", "https", *_WRITING},
        link_rel=None,
    )
    # Once more afterwards: what was written as `&#1;` is a character now.
    return clean(cleaner.clean(clean(entry.body_html))).strip()


def illustrated(publisher: Publisher, entry: Entry) -> str:
    """As `body`, below the article's picture where the text does not show it.

    For formats that have no place for a picture of unknown size and type.
    """
    text, url = body(publisher, entry), picture(entry)
    if not url or (shown := html.escape(url, quote=False)) in text:
        return text
    described = html.escape(one_line(str((entry.image or {}).get("alt") or "")))
    return f'<p><img src="{shown}" alt="{described}"></p>{text}'


def picture(entry: Entry) -> str:
    """The address of the article's picture; empty without one."""
    return ascii_url(str((entry.image or {}).get("url") or ""))


def _absolute(base: str) -> Callable[[str, str, str], str | None]:
    def filtered(_element: str, name: str, value: str) -> str | None:
        """Judges an address as it will be written: a scheme may be hidden by what is dropped."""
        value = clean(value)
        if name not in _LEADING:
            return value
        scheme, colon, rest = value.strip().partition(":")
        if colon and scheme.lower() in _WRITING:
            return f"{scheme.lower()}:{quote(rest, '%?=&+,;@.-')}"
        try:
            return ascii_url(urljoin(base, value)) or None
        except ValueError:
            return None

    return filtered
