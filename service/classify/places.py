"""Finds the places that an article is about: names with and without suffixes, and their homonyms.

*Konak* is also a mansion, *Selçuk* also a first name: a homonym counts only with an apostrophe
suffix, a word of context, a -li suffix, alone in brackets or beside another place in a list. A
neighbourhood counts only where it is called one (*Zafer Mahallesi*). A title of office (*Urla
Belediye Başkanı*) names a guest and counts only if nothing else names a place and all titles name
the same one. What is said behind a list is said of each name in it (*Konak ve Buca belediye
başkanları*, *Ergene ve Erzene mahalleleri*).
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from service.classify.sightings import NameIndex, Sighting, behind
from service.classify.taxonomy import PlaceRules
from service.classify.text import Field


@dataclass(frozen=True)
class Mention:
    """A place named in the text with index ``field``; the span is in that text as given."""

    slug: str
    name: str
    field: int
    start: int
    end: int


class PlaceFinder:
    """Finds the places of one set of rules. Safe to share between threads."""

    def __init__(self, rules: PlaceRules) -> None:
        self._index = NameIndex(rules)
        self._context = behind(rules.context_after, r"\s+(?:\w+\s+)?")
        self._office = behind(rules.office_after)
        self._neighbourhood = behind(rules.neighbourhood_after)

    def find(self, fields: Sequence[Field]) -> dict[str, list[Mention]]:
        """Return the mentions of each place, by slug; an empty result means the whole city."""
        found: dict[str, list[Mention]] = defaultdict(list)
        guests: dict[str, list[Mention]] = defaultdict(list)
        for index, field in enumerate(fields):
            sightings = list(self._index.sightings(field))
            links = [a.is_listed_with(b) for a, b in pairwise(sightings)]
            are_guests = _spread([s.is_before(self._office) for s in sightings], links)
            are_called = _spread([s.is_before(self._neighbourhood) for s in sightings], links)
            for i, seen in enumerate(sightings):
                mention = _mention(seen, index)
                is_listed = any(links[max(0, i - 1) : i + 1])
                if are_guests[i] and not seen.has_suffix:
                    guests[mention.slug].append(mention)
                elif self._counts(seen, is_listed, are_called[i]):
                    found[mention.slug].append(mention)
        if not found and len(guests) == 1:
            return dict(guests)
        return dict(found)

    def _counts(self, seen: Sighting, is_listed: bool, is_called: bool) -> bool:
        if seen.name.is_neighbourhood:
            return is_called
        rule = seen.name.homonym
        if seen.has_suffix or seen.is_before(self._context):
            return True
        if (rule.surname and seen.has_name_before) or (rule.first_name and seen.has_name_after):
            return False
        if not rule.needs_evidence:
            return True
        return is_listed or seen.is_belonging or seen.is_bracketed


def _spread(said: list[bool], links: list[bool]) -> list[bool]:
    """Carry what is said of the last name in a list over to the names before it."""
    for i in reversed(range(len(links))):
        said[i] = said[i] or (said[i + 1] and links[i])
    return said


def _mention(seen: Sighting, field: int) -> Mention:
    return Mention(seen.name.slug, seen.name.name, field, seen.head.start, seen.tail.end)
