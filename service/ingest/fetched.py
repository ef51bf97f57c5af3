"""Reads what was fetched for a thin event: JSON, or a page with schema.org articles in JSON-LD."""

from __future__ import annotations

import re
from typing import Any

from service.ingest.payload import PayloadError, parse_object
from service.ingest.presets import Enrich

MAX_SCRIPTS = 20
_SCRIPT = re.compile(r"<script\b([^<>]*)>", re.I)
_END = re.compile(r"</script", re.I | re.A)
_LD_JSON = re.compile(r"type\s*=\s*[\"']?\s*application/ld\+json", re.I)


def read_fetched(enrich: Enrich, content: bytes) -> dict[str, Any]:
    """The document in what was fetched: JSON, or the first article in the JSON-LD of a page.

    Raises:
        PayloadError: it is neither.
    """
    if enrich.form == "json":
        return parse_object(content)
    found = find_articles(content.decode("utf-8", "replace"))
    if not found:
        raise PayloadError("The page has no schema.org article in JSON-LD.")
    return found[0]


def find_articles(page: str) -> list[dict[str, Any]]:
    """Every node whose `@type` is an article, in the order of the page; broken scripts are skipped.

    Each script is parsed as strictly as a posted body.
    """
    found: list[dict[str, Any]] = []
    for text in _scripts(page):
        try:
            top = parse_object(b'{"items": [' + text.encode("utf-8", "replace") + b"]}")
        except PayloadError:
            continue
        found += [node for node in _nodes(top["items"]) if _is_article(node)]
    return found


def _scripts(page: str) -> list[str]:
    """The contents of JSON-LD scripts; a script ends at its first `</script`, whatever it holds."""
    texts: list[str] = []
    at = 0
    while len(texts) < MAX_SCRIPTS and (tag := _SCRIPT.search(page, at)):
        at = tag.end()
        if _LD_JSON.search(tag[1]):
            end = _END.search(page, at)
            if end is None:
                break
            texts.append(page[at : end.start()].strip().rstrip(";"))
            at = end.end()
    return texts


def _nodes(items: Any) -> list[dict[str, Any]]:
    """Objects at the top, in lists and in `@graph`; not those that are somebody's property."""
    if isinstance(items, list):
        return [node for item in items for node in _nodes(item)]
    if not isinstance(items, dict):
        return []
    return [items, *_nodes(items.get("@graph"))]


def _is_article(node: dict[str, Any]) -> bool:
    kinds = node.get("@type")
    names = kinds if isinstance(kinds, list) else [kinds]
    return any(
        isinstance(name, str) and name.endswith(("Article", "BlogPosting")) for name in names
    )
