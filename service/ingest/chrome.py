"""Takes from a page what frames the article: buttons, menus, and the other stories behind it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from service.classify.text import match_key
from service.ingest.dates import moment
from service.ingest.markup import Element, words
from service.ingest.pull_rules import PullRules

MAX_WORD = 60  # characters of what can be a button or a date
ENOUGH_TEXT = 40  # a share bar straight below the title does not end the article


def strip_chrome(root: Element, title: Element | None, rules: PullRules) -> None:
    """Drop the rules' words, and everything behind the first that ends the text.

    Words are compared whole and by the one normalisation of Turkish: an article may well say
    `haberler` in a sentence. What ends the text must have some before it, counted from the title.
    """
    drop, cut = _keys(rules.drop), _keys(rules.cut)
    seen, has_begun = 0, title is None
    for element in list(root.iter()):
        if element is title:
            has_begun = True
            continue
        text = short_text(element)
        key = match_key(text) if text else ""
        if key in cut and has_begun and seen >= ENOUGH_TEXT:
            _cut_from(element)
            break
        if key in drop or key in cut:
            _remove(element)
        elif has_begun and not _is_within(element, title):
            seen += _own_length(element)
    _drop_lines(root, drop | cut)


def drop_date_line(root: Element, zone: str) -> None:
    """Leave out the first element that is nothing but a date."""
    for element, _ in date_lines(root, zone):
        _remove(element)
        return


def date_lines(root: Element, zone: str) -> Iterator[tuple[Element, str]]:
    """Elements that say a date and next to nothing else, the innermost of each."""
    for element in list(root.iter()):
        text = short_text(element)
        if text and len(element) == 0 and (found := moment(text, zone)):
            yield element, found.isoformat()


def short_text(element: Element) -> str:
    """The words of an element that has few; empty for one that has more, or none."""
    kept, length = [], 0
    for text in element.itertext():
        length += len(text.strip())
        if length > MAX_WORD:
            return ""
        kept.append(text)
    return " ".join("".join(kept).split())


def _keys(texts: Iterable[str]) -> set[str]:
    return {match_key(text) for text in texts} - {""}


def _own_length(element: Element) -> int:
    """Of the text right inside; short lines are dates, bylines and buttons."""
    texts = (element.text, *(child.tail for child in element))
    length = sum(len(text.strip()) for text in texts if text)
    return length if length >= ENOUGH_TEXT else 0


def _is_within(element: Element, title: Element | None) -> bool:
    return title is not None and any(parent is title for parent in element.iterancestors())


def _cut_from(element: Element) -> None:
    """Remove an element and whatever follows it in the document."""
    for inner in (element, *element.iterancestors()):
        for follower in list(inner.itersiblings()):
            follower.getparent().remove(follower)  # and its tail, the text behind it
        inner.tail = None
    _remove(element)


def _drop_lines(root: Element, keys: set[str]) -> None:
    """Lines between `<br>` are no elements of their own."""
    for element in root.iter():
        if element.text and match_key(element.text) in keys and len(element) > 0:
            element.text = None
        if element.tail and match_key(element.tail[: MAX_WORD * 2]) in keys:
            element.tail = None


def _remove(element: Element) -> None:
    """Out of its parent; the text behind it stays. Not the page itself."""
    if element.getparent() is not None and element.tag not in ("html", "body", "head"):
        element.drop_tree()


def text_of_blocks(root: Element) -> str:
    """Paragraphs of a page that has no more structure than that."""
    blocks = (words(element) for element in root.iter("p", "h2", "h3", "h4", "li", "blockquote"))
    return "\n\n".join(block for block in blocks if block)
