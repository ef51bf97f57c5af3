"""Where the names of places stand in a text, and what stands around them.

``NameIndex`` reads the names; whether a sighting means the place is decided in ``places``.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.classify.taxonomy import Homonym, Place, PlaceRules
from service.classify.text import TURKISH_LETTERS, Field, Token, fold, tokenise, tr_lower

_HEAD = 3  # letters by which names are looked up; no name is shorter
_LOOK_BACK = 60  # characters before a name that a not_before expression may see
# Endings that people type without the apostrophe: Bornovada, Foçalı.
_BARE_CASE = re.compile(r"[dt][ae](?:n|ki(?:l[ae]r)?)?|n?[iu]n|y[aeiu]")
_BELONGING = re.compile(r"l[iu](?:l[ae]r\w{0,5})?")
_LIST_GAP = re.compile(r"\s*(?:,|ve|ile|/|[-–])\s*")
_WORD_GAP = re.compile(r"[\s-]+")


@dataclass(frozen=True)
class Name:
    """A name, an alias or a neighbourhood, with its rules compiled."""

    slug: str
    name: str
    shown: tuple[str, ...]
    keys: tuple[str, ...]
    homonym: Homonym
    not_before: tuple[re.Pattern[str], ...]
    not_after: tuple[re.Pattern[str], ...]
    is_neighbourhood: bool


@dataclass(frozen=True)
class Sighting:
    """A name found at tokens ``first`` to ``last``; ``ending`` is what is glued to it."""

    name: Name
    field: Field
    first: int
    last: int
    ending: str

    @property
    def head(self) -> Token:
        return self.field.tokens[self.first]

    @property
    def tail(self) -> Token:
        return self.field.tokens[self.last]

    @property
    def has_suffix(self) -> bool:
        """An apostrophe suffix, which only proper names take."""
        return bool(self.tail.suffix)

    @property
    def is_belonging(self) -> bool:
        """Konaklı, Konaklılar."""
        return _BELONGING.fullmatch(self.ending) is not None

    @property
    def is_bracketed(self) -> bool:
        text = self.field.cleaned
        return text[: self.head.at].endswith("(") and text.startswith(")", self.tail.stop)

    @property
    def has_name_before(self) -> bool:
        """Stands a capitalised word right before it, as a first name before a surname?"""
        if self.first == 0 or not self.field.is_cased:
            return False
        token = self.field.tokens[self.first - 1]
        return _is_capitalised(token) and self.field.cleaned[token.stop : self.head.at].isspace()

    @property
    def has_name_after(self) -> bool:
        """The same right after it, as a surname after a first name?"""
        if self.last + 1 == len(self.field.tokens) or not self.field.is_cased:
            return False
        token = self.field.tokens[self.last + 1]
        return _is_capitalised(token) and self.field.cleaned[self.tail.stop : token.at].isspace()

    def is_before(self, pattern: re.Pattern[str] | None) -> bool:
        """Does what the pattern describes follow?"""
        return pattern is not None and pattern.match(self.field.folded, self.tail.stop) is not None

    def is_listed_with(self, following: "Sighting") -> bool:
        """Are these two neighbours in a list: Konak, Buca ve Bornova?"""
        gap = self.field.folded[self.tail.stop : following.head.at]
        return _LIST_GAP.fullmatch(gap) is not None


class NameIndex:
    """Finds the names of places in a field."""

    def __init__(self, rules: PlaceRules) -> None:
        self._not_after = behind(rules.not_after)
        self._by_head: dict[str, list[Name]] = defaultdict(list)
        for place in rules.places:
            for entry in self._names(place):
                self._by_head[entry.keys[0][:_HEAD]].append(entry)
        for names in self._by_head.values():
            names.sort(key=lambda name: -sum(map(len, name.keys)))

    def _names(self, place: Place) -> Iterator[Name]:
        yield self._name(place, place.name, place.homonym)
        for alias in place.aliases:
            yield self._name(place, alias, Homonym())
        for neighbourhood in place.neighbourhoods:
            yield self._name(place, neighbourhood, Homonym(), is_neighbourhood=True)

    def _name(
        self, place: Place, name: str, homonym: Homonym, is_neighbourhood: bool = False
    ) -> Name:
        words = tokenise(name)
        shown, keys = tuple(w.shown for w in words), tuple(w.folded for w in words)
        before = tuple(re.compile(rf"(?:{fold(text)})\s+$") for text in homonym.not_before)
        after = tuple(p for p in (behind(homonym.not_after), self._not_after) if p)
        return Name(place.slug, name, shown, keys, homonym, before, after, is_neighbourhood)

    def sightings(self, field: Field) -> Iterator[Sighting]:
        """Yield names from left to right, the longest where several start, none overlapping."""
        free = 0
        for i, token in enumerate(field.tokens):
            names = self._by_head.get(token.folded[:_HEAD])
            if names is None or i < free:
                continue
            for name in names:
                if not token.folded.startswith(name.keys[0]):
                    continue
                seen = _at(name, field, i)
                if seen and not _is_rejected(seen):
                    yield seen
                    free = seen.last + 1
                    break


def behind(expressions: Iterable[str], gap: str = r"\s+") -> re.Pattern[str] | None:
    """Compile expressions for what follows a name; nothing if there are none."""
    alternatives = "|".join(f"(?:{fold(text)})" for text in expressions)
    return re.compile(f"{gap}(?:{alternatives})") if alternatives else None


def _at(name: Name, field: Field, first: int) -> Sighting | None:
    """Read a name at a token, or nothing if it is not there."""
    last = first + len(name.keys) - 1
    tokens = field.tokens[first : last + 1]
    if len(tokens) < len(name.keys) or not tokens[-1].folded.startswith(name.keys[-1]):
        return None
    if any(t.folded != key for t, key in zip(tokens[:-1], name.keys[:-1], strict=True)):
        return None
    if any(not _WORD_GAP.fullmatch(field.cleaned[a.stop : b.at]) for a, b in pairwise(tokens)):
        return None
    ending = tokens[-1].folded[len(name.keys[-1]) :]
    if not _is_ending(ending, tokens[-1]) or not _letters_agree(name, tokens):
        return None
    # konak'ta: the apostrophe marks a name, even where somebody forgot the capital.
    is_named = tokens[0].raw[0].isupper() or bool(tokens[-1].suffix)
    return Sighting(name, field, first, last, ending) if is_named or not field.is_cased else None


def _is_ending(ending: str, token: Token) -> bool:
    if not ending:
        return True
    is_bare = _BARE_CASE.fullmatch(ending) or _BELONGING.fullmatch(ending)
    return is_bare is not None and not token.suffix


def _letters_agree(name: Name, tokens: Sequence[Token]) -> bool:
    """A plain letter may stand for a Turkish one of the name (Cigli), never the reverse."""
    return not any(
        theirs in TURKISH_LETTERS and tr_lower(theirs) != mine
        for shown, token in zip(name.shown, tokens, strict=True)
        for mine, theirs in zip(shown, token.raw, strict=False)
    )


def _is_rejected(seen: Sighting) -> bool:
    at, low = seen.head.at, seen.field.folded
    before = low[max(0, at - _LOOK_BACK) : at]
    if any(pattern.search(before) for pattern in seen.name.not_before):
        return True
    return not seen.has_suffix and any(map(seen.is_before, seen.name.not_after))


def _is_capitalised(token: Token) -> bool:
    return token.raw[0].isupper() and token.raw[1:].islower()
