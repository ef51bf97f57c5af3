"""The words of rich text that a CMS sends as a tree instead of HTML.

Understands by shape, not by CMS: Portable Text (Sanity), blocks (Strapi), documents (Contentful,
ProseMirror) and Lexical (Ghost, Payload). A leaf has `text`, or `value` under `nodeType: text`; a
node has `children` or `content`; the nearest node above leaves is a paragraph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

MAX_NODES = 20_000  # an expression can repeat a branch, so size is counted while walking
MAX_DEPTH = 40


class TreeTooLargeError(ValueError):
    """Too many nodes or too deep to be an article."""


def words_of(tree: Any) -> str:
    """Paragraphs, separated by empty lines; empty for a tree that has no text.

    Raises:
        TreeTooLargeError: over 20,000 nodes or 40 levels.
    """
    walker = _Walker()
    return "\n\n".join(part for part in (text.strip() for text in walker.blocks(tree, 0)) if part)


class _Walker:
    def __init__(self) -> None:
        self._seen = 0

    def blocks(self, node: Any, depth: int) -> Iterator[str]:
        self._count(depth)
        if isinstance(node, list):
            if any(_leaf(item) is not None for item in node):
                yield "".join(self._inline(item, depth + 1) for item in node)
                return
            for item in node:
                yield from self.blocks(item, depth + 1)
        elif isinstance(node, dict):
            leaf = _leaf(node)
            yield from [leaf] if leaf is not None else self.blocks(_children(node), depth + 1)

    def _inline(self, node: Any, depth: int) -> str:
        """Text of one line: links and marks are nodes within a paragraph."""
        self._count(depth)
        if isinstance(node, list):
            return "".join(self._inline(item, depth + 1) for item in node)
        if not isinstance(node, dict):
            return ""
        leaf = _leaf(node)
        return leaf if leaf is not None else self._inline(_children(node), depth + 1)

    def _count(self, depth: int) -> None:
        self._seen += 1
        if self._seen > MAX_NODES or depth > MAX_DEPTH:
            raise TreeTooLargeError


def _leaf(node: Any) -> str | None:
    if not isinstance(node, dict):
        return None
    if node.get("nodeType") == "text" and isinstance(node.get("value"), str):
        return str(node["value"])
    return str(node["text"]) if isinstance(node.get("text"), str) else None


def _children(node: dict[str, Any]) -> list[Any]:
    for key in ("children", "content"):
        if isinstance(node.get(key), list):
            return list(node[key])
    return [node["root"]] if isinstance(node.get("root"), dict) else []
