"""What every stored article keeps to, whoever sent it: the canonical rules, written once more.

Written without a line of the service, so that a mistake there does not excuse itself here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

from service.models import Article, Revision

TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "em", "figcaption", "figure", "h2", "h3"),
    *("h4", "hr", "i", "img", "li", "ol", "p", "pre", "q", "s", "small", "strong", "sub", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}
ATTRIBUTES = {"href", "title", "lang", "rel", "src", "alt", "width", "height"} | {
    *("colspan", "rowspan", "scope")
}
LIMITS = {"title": 300, "summary": 1000, "body_text": 200_000, "language": 16, "url": 2000}
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
ID = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
SCHEMES = {"https", "http", "mailto", "tel", ""}


def broken_rules(article: Article, revision: Revision) -> list[str]:
    """Every rule that the rows of an article break; none is what a test wants to see."""
    return [*_text_rules(revision), *_list_rules(revision), *_article_rules(article, revision)]


def _text_rules(revision: Revision) -> Iterator[str]:
    for name, limit in LIMITS.items():
        value = getattr(revision, name)
        if len(value) > limit:
            yield f"{name} has {len(value)} characters"
        yield from (f"{name}: {found}" for found in _bad_characters(value, name != "url"))
    yield from (f"body_html: {found}" for found in _bad_characters(revision.body_html, False))
    reader = _Tags()
    reader.feed(revision.body_html)
    reader.close()
    yield from reader.found


def _list_rules(revision: Revision) -> Iterator[str]:
    for name in ("sections", "tags", "places"):
        values = getattr(revision, name)
        if not isinstance(values, list) or len(values) > 50:
            yield f"{name} is {type(values).__name__} or too long"
        for value in values:
            if not isinstance(value, str) or len(value) > 100 or "\n" in value:
                yield f"{name} holds {value!r:.50}"
            else:
                yield from (f"{name}: {found}" for found in _bad_characters(value, True))


def _article_rules(article: Article, revision: Revision) -> Iterator[str]:
    if not ID.fullmatch(article.external_id):
        yield f"external id {article.external_id!r:.50}"
    if not revision.title:
        yield "no title"
    for url in (revision.url, (revision.image or {}).get("url")):
        if url is None:
            continue
        parts = urlsplit(url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
            yield f"address {url!r:.60}"
        if re.search(r"[\s<>\"\\]", url):
            yield f"characters in the address {url!r:.60}"
    for name in ("published_at", "source_updated_at"):
        moment = getattr(article, name)
        if moment is not None and not 1899 <= moment.year <= 2201:
            yield f"{name} {moment}"


def _bad_characters(value: str, is_normal: bool) -> Iterator[str]:
    if found := CONTROL.search(value):
        yield f"character {ord(found[0]):#x}"
    if is_normal and not unicodedata.is_normalized("NFC", value):
        yield "not NFC"


class _Tags(HTMLParser):
    """Collects what must not be in cleaned HTML."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append(f"tag {tag}")
        for name, value in attrs:
            if name not in ATTRIBUTES:
                self.found.append(f"attribute {name}")
            if name in ("href", "src") and _scheme(value or "") not in SCHEMES:
                self.found.append(f"link {value!r:.50}")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data!r:.50}")


def _scheme(address: str) -> str:
    """As a browser reads it: without white space and control characters."""
    bare = re.sub(r"[\x00-\x20]", "", address)
    found = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", bare)
    return found[1].lower() if found else ""
