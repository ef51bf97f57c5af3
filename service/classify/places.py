"""Finds the places that an article is about: names with and without suffixes, and their homonyms.

*Konak* is also a mansion, *Selçuk* also a first name: a homonym counts only with an apostrophe
suffix, a word of context, a -li suffix, alone in brackets or beside another place in a list. A
title of office (*Urla Belediye Başkanı*) names a guest and counts only if nothing else names a
place and all titles name the same one.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.classify.taxonomy import Homonym, PlaceRules
from service.classify.text import TURKISH_LETTERS, Field, Token, fold, tokenise, tr_lower

_HEAD = 3  # letters by which names are looked up; no name is shorter
_LOOK_BACK = 60  # characters before a name that a not_before expression may see
# Endings that people type without the apostrophe: Bornovada, Foçalı.
_BARE_CASE = re.compile(r"[dt][ae](?:n|ki(?:l[ae]r)?)?|n?[iu]n|y[aeiu]")
_BELONGING = re.compile(r"l[iu](?:l[ae]r\w{0,5})?")
_LIST_GAP = re.compile(r"\s*(?:,|ve|ile|/|[-–])\s*")
_WORD_GAP = re.compile(r"[\s-]+")


@dataclass(frozen=True)
class Mention:
    """A place named in the text with index ``field``; the span is in that text as given."""

    slug: str
    name: str
    field: int
    start: int
    end: int


@dataclass(frozen=True)
class _Name:
    """A name or an alias, with its rules compiled."""

    slug: str
    name: str
    shown: tuple[str, ...]
    keys: tuple[str, ...]
    homonym: Homonym
    not_before: tuple[re.Pattern[str], ...]
    not_after: tuple[re.Pattern[str], ...]


@dataclass(frozen=True)
class _Sighting:
    """A name found at tokens ``first`` to ``last``; ``ending`` is what is glued to it."""

    name: _Name
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

    def gap_to(self, other: "_Sighting") -> str:
        return self.field.folded[self.tail.stop : other.head.at]


class PlaceFinder:
    """Finds the places of one set of rules. Safe to share between threads."""

    def __init__(self, rules: PlaceRules) -> None:
        self._context = _after(rules.context_after, r"\s+(?:\w+\s+)?")
        self._office = _after(rules.office_after)
        self._by_head: dict[str, list[_Name]] = defaultdict(list)
        for place in rules.places:
            self._add(place.slug, place.name, place.homonym, rules)
            for alias in place.aliases:
                self._add(place.slug, alias, Homonym(), rules)
        for names in self._by_head.values():
            names.sort(key=lambda name: -sum(map(len, name.keys)))

    def _add(self, slug: str, name: str, homonym: Homonym, rules: PlaceRules) -> None:
        words = tokenise(name)
        shown, keys = tuple(w.shown for w in words), tuple(w.folded for w in words)
        before = tuple(re.compile(rf"(?:{fold(text)})\s+$") for text in homonym.not_before)
        after = (_after(homonym.not_after), _after(rules.not_after))
        entry = _Name(slug, name, shown, keys, homonym, before, tuple(p for p in after if p))
        self._by_head[keys[0][:_HEAD]].append(entry)

    def find(self, fields: Sequence[Field]) -> dict[str, list[Mention]]:
        """Return the mentions of each place, by slug; an empty result means the whole city."""
        found: dict[str, list[Mention]] = defaultdict(list)
        guests: dict[str, list[Mention]] = defaultdict(list)
        for index, field in enumerate(fields):
            sightings = list(self._sightings(field))
            listed = _listed(sightings)
            for i, seen in enumerate(sightings):
                mention = Mention(seen.name.slug, seen.name.name, index, *_span(seen))
                if self._is_guest(seen):
                    guests[mention.slug].append(mention)
                elif self._counts(seen, i in listed):
                    found[mention.slug].append(mention)
        if not found and len(guests) == 1:
            return dict(guests)
        return dict(found)

    def _sightings(self, field: Field) -> Iterable[_Sighting]:
        """Yield names from left to right, the longest where several start, none overlapping."""
        free = 0
        for i, token in enumerate(field.tokens):
            names = self._by_head.get(token.folded[:_HEAD])
            if names is None or i < free:
                continue
            for name in names:
                seen = _at(name, field, i)
                if seen and not _is_rejected(seen):
                    yield seen
                    free = seen.last + 1
                    break

    def _is_guest(self, seen: _Sighting) -> bool:
        return not seen.has_suffix and _follows(self._office, seen)

    def _counts(self, seen: _Sighting, is_listed: bool) -> bool:
        rule = seen.name.homonym
        if seen.has_suffix or _follows(self._context, seen):
            return True
        if rule.person_name and _is_person(seen):
            return False
        if not rule.needs_evidence:
            return True
        return is_listed or _BELONGING.fullmatch(seen.ending) is not None or _is_bracketed(seen)


def _after(expressions: Iterable[str], gap: str = r"\s+") -> re.Pattern[str] | None:
    """Compile expressions for what follows a name; nothing if there are none."""
    alternatives = "|".join(f"(?:{fold(text)})" for text in expressions)
    return re.compile(f"{gap}(?:{alternatives})") if alternatives else None


def _follows(pattern: re.Pattern[str] | None, seen: _Sighting) -> bool:
    return pattern is not None and pattern.match(seen.field.folded, seen.tail.stop) is not None


def _at(name: _Name, field: Field, first: int) -> _Sighting | None:
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
    seen = _Sighting(name, field, first, last, ending)
    # konak'ta: the apostrophe marks a name, even where somebody forgot the capital.
    is_named = seen.head.raw[0].isupper() or seen.has_suffix
    return seen if is_named or not field.is_cased else None


def _is_ending(ending: str, token: Token) -> bool:
    if not ending:
        return True
    is_bare = _BARE_CASE.fullmatch(ending) or _BELONGING.fullmatch(ending)
    return is_bare is not None and not token.suffix


def _letters_agree(name: _Name, tokens: list[Token]) -> bool:
    """A plain letter may stand for a Turkish one of the name (Cigli), never the reverse."""
    return not any(
        theirs in TURKISH_LETTERS and tr_lower(theirs) != mine
        for shown, token in zip(name.shown, tokens, strict=True)
        for mine, theirs in zip(shown, token.raw, strict=False)
    )


def _is_rejected(seen: _Sighting) -> bool:
    at, low = seen.head.at, seen.field.folded
    before = low[max(0, at - _LOOK_BACK) : at]
    if any(pattern.search(before) for pattern in seen.name.not_before):
        return True
    return not seen.has_suffix and any(_follows(p, seen) for p in seen.name.not_after)


def _is_person(seen: _Sighting) -> bool:
    """Stands a capitalised word right beside it?"""
    if not seen.field.is_cased:
        return False
    tokens = seen.field.tokens
    beside = []
    if seen.first > 0:
        beside.append((tokens[seen.first - 1], tokens[seen.first - 1].stop, seen.head.at))
    if seen.last + 1 < len(tokens):
        beside.append((tokens[seen.last + 1], seen.tail.stop, tokens[seen.last + 1].at))
    return any(
        token.raw[0].isupper()
        and token.raw[1:].islower()
        and seen.field.cleaned[stop:start].isspace()
        for token, stop, start in beside
    )


def _is_bracketed(seen: _Sighting) -> bool:
    text = seen.field.cleaned
    return text[: seen.head.at].endswith("(") and text.startswith(")", seen.tail.stop)


def _listed(sightings: list[_Sighting]) -> set[int]:
    """Return the indexes of names that stand beside another one in a list."""
    listed: set[int] = set()
    for i, (left, right) in enumerate(pairwise(sightings)):
        if _LIST_GAP.fullmatch(left.gap_to(right)):
            listed |= {i, i + 1}
    return listed


def _span(seen: _Sighting) -> tuple[int, int]:
    return seen.head.start, seen.tail.end
