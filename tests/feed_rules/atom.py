"""RFC 4287 with the grammar of its appendix B, and RFC 6721."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from lxml import etree

from tests.feed_rules.values import (
    html_findings,
    is_language,
    is_media_type,
    is_uri,
    is_url,
    rfc3339,
)
from tests.feed_rules.xml import ATOM, XML, Findings, history_findings

STONES = "{http://purl.org/atompub/tombstones/1.0}"
MANY = 10**9
PERSON = {"name": (1, 1), "uri": (0, 1), "email": (0, 1)}
SHARED = {
    **{"id": (1, 1), "title": (1, 1), "updated": (1, 1), "rights": (0, 1)},
    **{"author": (0, MANY), "category": (0, MANY), "contributor": (0, MANY), "link": (0, MANY)},
}
FEED = {**SHARED, "generator": (0, 1), "icon": (0, 1), "logo": (0, 1), "subtitle": (0, 1)}
# How often each child stands in an element (appendix B).
CHILDREN = {
    "feed": {**FEED, "entry": (0, MANY)},
    "entry": {
        **SHARED,
        **{"content": (0, 1), "published": (0, 1), "source": (0, 1), "summary": (0, 1)},
    },
    "source": {name: (0, most) for name, (_, most) in FEED.items()},
    "author": PERSON,
    "contributor": PERSON,
}
ATTRIBUTES = {
    "category": {"term", "scheme", "label"},
    "content": {"type", "src"},
    "generator": {"uri", "version"},
    "link": {"href", "rel", "type", "hreflang", "title", "length"},
    **{text: {"type"} for text in ("title", "subtitle", "summary", "rights")},
}
NEEDED = {"category": "term", "link": "href"}
TEXTS = ("title", "subtitle", "summary", "rights", "content")


def atom_findings(root: etree._Element, found: Findings) -> None:
    if root.tag != f"{ATOM}feed":
        found.append(f"atom-root: {root.tag}")
        return
    for element in root.iter(f"{ATOM}*"):
        _element(element, found)
    for element in root.iter(etree.Element):
        if (base := element.get(f"{XML}base")) is not None and not is_uri(base):
            found.append(f"atom-uri: xml:base {base!r}")
        if (language := element.get(f"{XML}lang")) is not None and not is_language(language):
            found.append(f"atom-language: {language!r}")
    _feed(root, found)
    _stones(root, found)
    _namespaces(root, found)
    history_findings(root, found)


def _element(element: etree._Element, found: Findings) -> None:
    name = etree.QName(element).localname
    if name in CHILDREN:
        _children(element, CHILDREN[name], found)
    for attribute in element.keys():  # noqa: SIM118  # an element is no mapping
        if not attribute.startswith("{") and attribute not in ATTRIBUTES.get(name, ()):
            found.append(f"atom-attribute: {attribute} of {name}")
    if name in NEEDED and not element.get(NEEDED[name]):
        found.append(f"atom-attribute: {name} has no {NEEDED[name]}")
    text = element.text
    if name in ("updated", "published") and rfc3339(text) is None:
        found.append(f"atom-date: {name} {text!r}")
    if name in ("id", "uri", "icon", "logo") and not is_uri(text):
        found.append(f"atom-uri: {name} {text!r}")
    if name == "name" and not (text or "").strip():
        found.append("atom-name: a person without a name")
    if name in TEXTS:
        _text(element, name, found)
    if name == "link":
        _link(element, found)
    if name == "category" and not is_uri(element.get("scheme", "urn:x")):
        found.append(f"atom-uri: scheme {element.get('scheme')!r}")
    if name == "category" and not element.get("term", "").isascii():
        found.append(f"atom-term: {element.get('term')!r} is not ASCII")


def _children(
    element: etree._Element, allowed: dict[str, tuple[int, int]], found: Findings
) -> None:
    name = etree.QName(element).localname
    counts = Counter(etree.QName(child).localname for child in element.iterchildren(f"{ATOM}*"))
    found += [f"atom-child: {child} in {name}" for child in counts if child not in allowed]
    for child, (least, most) in allowed.items():
        if not least <= counts[child] <= most:
            found.append(f"atom-count: {counts[child]} times {child} in {name}")
    loose = [element.text, *(child.tail for child in element)]
    if any(text and text.strip() for text in loose):
        found.append(f"atom-loose: text between the elements of {name}")


def _text(element: etree._Element, name: str, found: Findings) -> None:
    kind = element.get("type", "text")
    if kind not in ("text", "html") and not (name == "content" and is_media_type(kind)):
        found.append(f"atom-type: {name} {kind!r}")
    if len(element):
        found.append(f"atom-markup: elements in {name}")
    if name == "title" and not (element.text or "").strip():
        found.append("atom-title: an empty title")
    if kind == "html":
        found.extend(html_findings(element.text or ""))


def _link(link: etree._Element, found: Findings) -> None:
    if not is_url(link.get("href")):
        found.append(f"atom-uri: href {link.get('href')!r}")
    if not is_media_type(link.get("type", "text/html")):
        found.append(f"atom-type: link {link.get('type')!r}")
    if not is_language(link.get("hreflang", "tr")):
        found.append(f"atom-language: hreflang {link.get('hreflang')!r}")
    if not link.get("length", "0").isdigit():
        found.append(f"atom-length: {link.get('length')!r}")


def _feed(root: etree._Element, found: Findings) -> None:
    entries = root.findall(f"{ATOM}entry")
    for part in (root, *entries):
        kinds = Counter((link.get("type"), link.get("hreflang")) for link in _alternates(part))
        found += [f"atom-alternate: two of {kind}" for kind, count in kinds.items() if count > 1]
    if len(root.findall(f"{ATOM}link[@rel='self']")) != 1:
        found.append("atom-self: not exactly one link to itself")
    alternates = _alternates(root)
    if alternates and alternates[-1].get("type") != "text/html":
        found.append("atom-newsboat: the last alternate is not the web page")
    own = _time(root, "updated")
    seen = Counter(
        (entry.findtext(f"{ATOM}id"), entry.findtext(f"{ATOM}updated")) for entry in entries
    )
    found += [f"atom-double: {key[0]}" for key, count in seen.items() if count > 1]
    for entry in entries:
        if _time(entry, "updated") > own:
            found.append("atom-older: the feed is older than an entry of it")
        if root.find(f"{ATOM}author") is None and entry.find(f"{ATOM}author") is None:
            found.append("atom-author: neither the feed nor the entry has one")
        if entry.find(f"{ATOM}content") is None and not _alternates(entry):
            found.append("atom-content: an entry has neither content nor an alternate link")
        if entry.find(f"{ATOM}content[@src]") is not None and not entry.findtext(f"{ATOM}summary"):
            found.append("atom-summary: content elsewhere, and no summary")


def _alternates(parent: etree._Element) -> list[etree._Element]:
    links = parent.findall(f"{ATOM}link")
    return [link for link in links if link.get("rel", "alternate") == "alternate"]


def _stones(root: etree._Element, found: Findings) -> None:
    seen = set()
    updated = {
        entry.findtext(f"{ATOM}id"): _time(entry, "updated")
        for entry in root.findall(f"{ATOM}entry")
    }
    for stone in root.findall(f"{STONES}deleted-entry"):
        ref, when = stone.get("ref"), rfc3339(stone.get("when"))
        if not is_uri(ref) or when is None:
            found.append("stone: needs ref and when")
            continue
        if (ref, when) in seen:
            found.append(f"stone-double: {ref}")
        seen.add((ref, when))
        if ref in updated and updated[ref] <= when:
            found.append(f"stone-alive: {ref} is an entry that is not newer")
        counts = Counter(child.tag for child in stone)
        for child in ("by", "comment"):
            if counts[f"{STONES}{child}"] > 1:
                found.append(f"stone-count: {child}")
        for by in stone.findall(f"{STONES}by"):
            _children(by, PERSON, found)


def _namespaces(root: etree._Element, found: Findings) -> None:
    used = {etree.QName(element).namespace for element in root.iter(etree.Element)}
    for prefix, namespace in root.nsmap.items():
        if namespace not in used:
            found.append(f"atom-namespace: {prefix} is declared and not used")


def _time(parent: etree._Element, name: str) -> datetime:
    return rfc3339(parent.findtext(f"{ATOM}{name}")) or datetime.max.replace(tzinfo=UTC)
