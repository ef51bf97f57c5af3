"""What RSS and Atom share: XML itself, and where a document stands in its archive."""

from __future__ import annotations

import re

from lxml import etree

ATOM = "{http://www.w3.org/2005/Atom}"
HISTORY = "{http://purl.org/syndication/history/1.0}"
XML = "{http://www.w3.org/XML/1998/namespace}"
_DECLARATION = re.compile(rb"<\?xml version=['\"]1\.0['\"] encoding=['\"]utf-8['\"]\?>", re.I)

Findings = list[str]


def parsed(body: bytes, found: Findings) -> etree._Element | None:
    """The root; None where it is no XML, or brings a document type along."""
    if not _DECLARATION.match(body):
        found.append("xml-declaration: does not begin by saying that it is UTF-8")
    if b"<!DOCTYPE" in body[:1000]:
        found.append("xml-doctype: readers refuse it")
        return None
    parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
    try:
        return etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        found.append(f"xml: {error}")
        return None


def history_findings(parent: etree._Element, found: Findings) -> None:
    """RFC 5005, section 4."""
    rels: dict[str, list[str]] = {}
    for link in parent.findall(f"{ATOM}link"):
        rels.setdefault(link.get("rel", "alternate"), []).append(link.get("href", ""))
    own = rels.get("self", [""])[0]
    for rel in ("current", "prev-archive", "next-archive"):
        if len(rels.get(rel, ())) > 1:
            found.append(f"history-twice: more than one {rel}")
        if own in rels.get(rel, ()):
            found.append(f"history-loop: {rel} is the document itself")
    is_archive = parent.find(f"{HISTORY}archive") is not None
    if is_archive and "current" not in rels:
        found.append("history-current: an archive does not name its feed")
    if is_archive and "hub" in rels:
        found.append("history-hub: an archive does not change, so no hub tells of it")
    if not is_archive and "next-archive" in rels:
        found.append("history-next: what is no archive has no next one")
