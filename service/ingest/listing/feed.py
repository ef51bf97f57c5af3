"""RSS 0.9x to 2.0, RSS 1.0 (RDF) and Atom: the dozen fields that an article takes."""

from __future__ import annotations

from typing import Any

from lxml import etree

from service.ingest.dates import iso
from service.ingest.listing.entry import Entry, Listing, ListingError, address, key_of, version_of
from service.ingest.markup import Element, MarkupError, local_name, namespace, parse_xml, words

ATOM = "http://www.w3.org/2005/Atom"
_PREFIXES = {
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://search.yahoo.com/mrss/": "media",
    ATOM: "atom",
}
_XML_BASE = "{http://www.w3.org/XML/1998/namespace}base"
_ROOTS = ("rss", "RDF", "feed")


def read_feed(content: bytes, charset: str | None, url: str, zone: str) -> Listing:
    """The items of a feed that have a title and an address.

    An item without the whole text is not whole: a teaser must not stand for the article.

    Raises:
        ListingError: it is no feed, whatever its content type says.
    """
    try:
        root = parse_xml(content, charset)
    except MarkupError as error:
        raise ListingError(f"no feed came: {error}") from error
    if local_name(root) not in _ROOTS:
        raise ListingError(f"no feed came, but a document that begins with <{root.tag[:40]}>")
    items = [e for e in root.iter(etree.Element) if local_name(e) in ("item", "entry")]
    events = [_event(item, url, zone) for item in items]
    events = [event for event in events if event.get("url") and event.get("title")]
    pages: dict[str, set[str]] = {}
    for event in events:
        pages.setdefault(event.get("guid", ""), set()).add(event["url"])
    return Listing(tuple(_entry(event, pages[event.get("guid", "")]) for event in events))


def _event(item: Element, base: str, zone: str) -> dict[str, Any]:
    found = _Fields(item)
    base = address(base, item.get(_XML_BASE)) or base
    event = _atom(found, base, zone) if local_name(item) == "entry" else _rss(found, base, zone)
    return {name: value for name, value in event.items() if value}


def _entry(event: dict[str, Any], pages: set[str]) -> Entry:
    """A guid that several pages share names none of them."""
    url = event["url"]
    if len(pages) > 1:
        event = {name: value for name, value in event.items() if name != "guid"}
    is_whole = "body_html" in event or "body_text" in event
    return Entry(key_of(url), url, version_of(event), event=event, is_whole=is_whole)


class _Fields:
    """Children of an item by `prefix:name`; no prefix for the item's own namespace."""

    def __init__(self, item: Element) -> None:
        own = namespace(item)
        self.children: dict[str, list[Element]] = {}
        for child in item:
            space = namespace(child)
            prefix = "" if space in (own, "") else _PREFIXES.get(space, "other") + ":"
            self.children.setdefault(prefix + local_name(child), []).append(child)

    def all(self, *names: str) -> list[Element]:
        return [element for name in names for element in self.children.get(name, [])]

    def text(self, *names: str) -> str:
        """The first that has any, as it came."""
        texts = ("".join(element.itertext()).strip() for element in self.all(*names))
        return next((text for text in texts if text), "")


def _rss(found: _Fields, base: str, zone: str) -> dict[str, Any]:
    guid = next(iter(found.all("guid")), None)
    url = address(base, found.text("link")) or _alternate(found.all("atom:link"), base)
    if not url and guid is not None and guid.get("isPermaLink", "true").lower() != "false":
        url = address(base, words(guid)) if "://" in words(guid) else ""
    return {
        "guid": words(guid),
        "url": url,
        "title": found.text("title", "dc:title"),
        "summary": found.text("description"),
        "body_html": found.text("content:encoded"),
        "published_at": iso(found.text("pubDate", "dc:date"), zone),
        "updated_at": iso(found.text("atom:updated"), zone),
        "sections": _labels(words(element) for element in found.all("category")),
        "image": _image(found, base),
    }


def _atom(found: _Fields, base: str, zone: str) -> dict[str, Any]:
    return {
        "guid": found.text("id"),
        "url": _alternate(found.all("link"), base),
        "title": found.text("title"),
        "summary": found.text("summary"),
        **_atom_content(found),
        "published_at": iso(found.text("published", "issued"), zone)
        or iso(found.text("updated"), zone),
        "updated_at": iso(found.text("updated", "modified"), zone),
        "sections": _labels(e.get("label") or e.get("term") for e in found.all("category")),
        "image": _image(found, base),
    }


def _atom_content(found: _Fields) -> dict[str, str]:
    content = next(iter(found.all("content")), None)
    if content is None or content.get("src"):
        return {}
    kind = content.get("type", "text")
    if kind == "xhtml":
        inner = (etree.tostring(e, encoding="unicode", with_tail=True) for e in content)
        return {"body_html": "".join(inner)}
    text = "".join(content.itertext()).strip()
    return {"body_html" if "html" in kind else "body_text": text}


def _alternate(links: list[Element], base: str) -> str:
    rated = sorted(
        (link for link in links if link.get("rel", "alternate") == "alternate"),
        key=lambda link: "html" not in link.get("type", "html"),
    )
    return next((url for link in rated if (url := address(base, link.get("href")))), "")


def _image(found: _Fields, base: str) -> str:
    for element in found.all("enclosure", "media:content", "media:thumbnail"):
        kind = element.get("type") or element.get("medium") or "image"
        if kind.startswith("image") and (url := address(base, element.get("url"))):
            return url
    return ""


def _labels(names: Any) -> list[str]:
    return [name for name in names if name]
