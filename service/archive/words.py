"""What the search compares: folded words, and the stems that they may have.

Turkish adds its endings one behind another, so a word and its query meet where they share a stem:
*tramvayı* finds *tramvay* and *tramvaylarda*. Folding makes *izmir* of *İZMİR*, and *cig koy* of
*Çiğ Köy*.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from service.classify.suffixes import altered_stems, is_suffix_chain
from service.classify.text import tokenise

MAX_QUERY = 200  # characters that are looked at
MAX_QUERY_WORDS = 8
MIN_PREFIX = 3  # letters: fewer begin half of all words
MAX_LENGTH = 40  # letters of a word
MAX_SIZE = 400_000  # bytes of all words of one article: a tsvector holds a megabyte
_MIN_STEM = 3
_SHORT_STEMS = frozenset(("ev", "il", "is", "su"))
TITLE = "_"  # marks a word of the title; no word holds it


@dataclass(frozen=True)
class Query:
    """What somebody looks for: of each word one of its forms; the last may be just begun."""

    words: tuple[tuple[str, ...], ...]
    begun: str | None = None


@lru_cache(maxsize=50_000)
def forms(word: str) -> tuple[str, ...]:
    """A folded word, how it changes before a vowel, and every stem that it may come from."""
    found = dict.fromkeys((word, *altered_stems(word)))
    for end in range(2, len(word)):
        stem = word[:end]
        if (end >= _MIN_STEM or stem in _SHORT_STEMS) and is_suffix_chain(stem, word[end:]):
            found[stem] = None
    return tuple(found)


def article_words(title: str, text: str, topic_ids: Iterable[int], place_ids: Iterable[int]) -> str:
    """All that one article can be found by, separated by spaces.

    Words of the title are there twice, once marked as such; topics and districts are words too.
    """
    in_title = dict.fromkeys(form for word in _words(title) for form in forms(word))
    found = dict.fromkeys(label("t", topic_id) for topic_id in topic_ids)
    found |= dict.fromkeys(label("p", place_id) for place_id in place_ids)
    found |= dict.fromkeys(TITLE + form for form in in_title)
    size = sum(len(word.encode()) + 1 for word in (*found, *in_title))
    found |= in_title
    for word in dict.fromkeys(_words(text)):
        new = [form for form in forms(word) if form not in found]
        size += sum(len(form.encode()) + 1 for form in new)
        if size > MAX_SIZE:
            break
        found |= dict.fromkeys(new)
    return " ".join(found)


def label(kind: str, number: int) -> str:
    """A topic (`t`) or place (`p`) as a word that no text holds."""
    return f"{kind}_{number}"


def read_query(text: str) -> Query | None:
    """What to look for; None where the text has no word at all."""
    words = list(dict.fromkeys(_words(text[:MAX_QUERY])))[:MAX_QUERY_WORDS]
    if not words:
        return None
    last = words[-1]
    is_begun = len(last) >= MIN_PREFIX and not last.isdigit()
    return Query(tuple(forms(word) for word in words), last if is_begun else None)


def printable(text: str) -> str:
    """What somebody typed, as one line of all that is looked at and can be seen."""
    kept = (char if char.isprintable() else " " for char in text[:MAX_QUERY])
    return " ".join("".join(kept).split())


def _words(text: str) -> Iterable[str]:
    return (token.folded for token in tokenise(text) if len(token.folded) <= MAX_LENGTH)
