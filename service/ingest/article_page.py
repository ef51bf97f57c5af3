"""An article page as the fields of the preset `entry`: what the site says of it by JSON-LD, then by
OpenGraph and other meta tags, then what looks like the article."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from lxml import etree
from lxml import html as lxml_html

from service.ingest.chrome import date_lines, drop_date_line, strip_chrome, text_of_blocks
from service.ingest.dates import iso
from service.ingest.fetched import find_articles
from service.ingest.listing.entry import address
from service.ingest.mapping import map_event
from service.ingest.markup import Element, parse_html, words
from service.ingest.presets import Preset
from service.ingest.pull_rules import PullRules

JSON_LD = "json-ld"
_META = {
    "title": ("og:title", "twitter:title", "dc.title"),
    "summary": ("og:description", "description", "twitter:description"),
    "published_at": ("article:published_time", "datepublished", "dc.date", "dc.date.issued"),
    "updated_at": ("article:modified_time", "og:updated_time", "datemodified"),
    "sections": ("article:section",),
    "image": ("og:image", "twitter:image"),
    "image_alt": ("og:image:alt",),
}


@dataclass(frozen=True)
class Reader:
    """How pages of one source are read. `presets` must have json-ld."""

    rules: PullRules
    presets: Mapping[str, Preset]
    zone: str


def read_article_page(text: str, url: str, reader: Reader) -> dict[str, Any]:
    """What the page says of the article at this address, which alone names it: sites repeat the
    addresses and ids of their JSON-LD on every page.

    Raises:
        MarkupError: too large, or empty.
    """
    root = parse_html(text)
    meta = _meta(root, url, reader.zone)
    title = _title(root, meta.get("title", ""), reader.rules)
    told = _json_ld(text, url, {words(title), meta.get("title", "")}, reader)
    strip_chrome(root, title, reader.rules)
    chosen = _chosen(root, reader)
    meta["title"] = _shortest_title(root, title, meta.get("title", ""))
    meta |= _dates(root, meta, reader.zone)
    found = {**_filled(meta), **_filled(told), **_filled(chosen)}
    if "body_html" not in found and "body_text" not in found:
        found |= _body(root, title, reader)
    number = reader.rules.number_in(url)
    return {**found, **({"id": number} if number else {}), "url": url}


def _filled(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _meta(root: Element, url: str, zone: str) -> dict[str, Any]:
    contents: dict[str, str] = {}
    for element in root.iter("meta"):
        name = element.get("property") or element.get("name") or element.get("itemprop") or ""
        contents.setdefault(name.lower().strip(), (element.get("content") or "").strip())
    found: dict[str, Any] = {
        field: next((contents[name] for name in names if contents.get(name)), "")
        for field, names in _META.items()
    }
    for field in ("published_at", "updated_at"):
        found[field] = iso(found[field], zone)
    found["image"] = address(url, found["image"])
    found["tags"] = [e.get("content") for e in root.iter("meta") if _is_tag(e) and e.get("content")]
    return found


def _is_tag(element: Element) -> bool:
    return (element.get("property") or "").lower() == "article:tag"


def _title(root: Element, meta_title: str, rules: PullRules) -> Element | None:
    """The element that shows the title: as the rules say, else a heading that the site's own title
    confirms, else the first."""
    chosen = next(iter(rules.select("title", root)), None)
    if chosen is not None:
        return chosen
    told = meta_title or words(next(iter(root.iter("title")), None))
    headings = [element for element in root.iter("h1", "h2") if words(element)]
    fitting = (e for e in headings if len(words(e)) > 10 and told.startswith(words(e)))
    firsts = (element for element in headings if element.tag == "h1")
    return next(chain(fitting, firsts), None)


def _shortest_title(root: Element, title: Element | None, meta_title: str) -> str:
    """Without the name of the site, where the page itself shows it without."""
    shown = words(title)
    if shown and (not meta_title or meta_title.startswith(shown)):
        return shown
    return meta_title or words(next(iter(root.iter("title")), None)).partition(" | ")[0]


def _dates(root: Element, meta: Mapping[str, Any], zone: str) -> dict[str, Any]:
    if meta.get("published_at"):
        return {}
    told = (iso(element.get("datetime"), zone) for element in root.iter("time"))
    shown = (found for _, found in date_lines(root, zone))
    return {"published_at": next(filter(None, told), None) or next(shown, None)}


def _json_ld(text: str, url: str, titles: set[str], reader: Reader) -> dict[str, Any]:
    """The fields of the page's own node; where there are several, the one of this address or title:
    the others are teasers."""
    nodes = find_articles(text)
    if len(nodes) > 1:
        nodes = [node for node in nodes if _names(node) & {url, *titles} - {""}]
    if not nodes:
        return {}
    node = {**nodes[0], "identifier": url, "url": url}
    mapped = map_event(reader.presets[JSON_LD], {}, node, reader.zone, url)
    if not isinstance(mapped, list) or mapped[0].article is None:
        return {}
    fields = mapped[0].article.model_dump(mode="json", exclude={"spec", "id", "url", "urgent"})
    fields |= {"image": (fields["image"] or {}).get("url"), "image_alt": ""}
    if (fields["body_text"] or "").endswith(("…", "...")):
        fields["body_text"] = ""  # a teaser; the page has the whole
    return fields


def _names(node: Mapping[str, Any]) -> set[str]:
    page = node.get("mainEntityOfPage")
    page = page.get("@id") if isinstance(page, dict) else page
    names = (node.get("url"), page, node.get("headline"), node.get("name"))
    return {name for name in names if isinstance(name, str)}


def _chosen(root: Element, reader: Reader) -> dict[str, Any]:
    """What the rules' selectors name."""
    select = partial(reader.rules.select, root=root)
    bodies = [etree.tostring(e, encoding="unicode", with_tail=False) for e in select("body")]
    shown = next(iter(select("date")), None)
    stamp = shown.get("datetime") or words(shown) if shown is not None else ""
    return {
        "title": words(next(iter(select("title")), None)),
        "summary": words(next(iter(select("summary")), None)),
        "published_at": iso(stamp, reader.zone),
        "body_html": "".join(bodies),
    }


def _body(root: Element, title: Element | None, reader: Reader) -> dict[str, str]:
    """The text that looks like the article, without its title and date."""
    import trafilatura  # here, since only what fetches pages should pay for it

    drop_date_line(root, reader.zone)
    if title is not None and title.getparent() is not None:
        title.drop_tree()
    page = lxml_html.tostring(root, encoding="unicode")
    found = trafilatura.extract(
        page,
        output_format="html",
        include_comments=False,
        include_links=True,
        include_formatting=True,
        favor_recall=True,
    )
    if found:
        body = parse_html(found).find("body")
        parts = [lxml_html.tostring(e, encoding="unicode") for e in body]
        return {"body_html": "".join(parts)}
    return {"body_text": text_of_blocks(root)}
