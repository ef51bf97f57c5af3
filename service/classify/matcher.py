"""All terms of all topics, compiled once and found in one pass over the tokens of a field."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from service.classify.terms import Mode, Term, Word, parse_term
from service.classify.text import MAX_WORD, Field, Token

_HEAD = 3  # letters by which words are looked up; Turkish words share two far too often
_CACHE_SIZE = 50_000  # word forms kept per spelling, about a year of a city's news


class Hit(NamedTuple):
    """A term found at tokens ``first`` to ``last`` (both included) of a field."""

    topic: str
    term: Term
    first: int
    last: int


class _Entry(NamedTuple):
    """A term as one topic lists it; ``rest`` numbers the words after its first."""

    topic: str
    term: Term
    rest: tuple[int, ...]


class _Form(NamedTuple):
    """What one spelling of a token can be: terms that begin with it, words that it matches."""

    entries: tuple[_Entry, ...]  # longest first, masks before others
    words: frozenset[int]


class TermMatcher:
    """Finds the terms of every topic in a field. Safe to share between threads."""

    def __init__(self, topics: Mapping[str, Iterable[str]]) -> None:
        """Compile ``{topic slug: terms}``; raises ``TermSyntaxError`` for a term it cannot read."""
        # A word is numbered once, however many terms it stands in, and compared with a form once.
        self._numbers: dict[Word, int] = {}
        self._by_head: dict[str, list[tuple[Word, int]]] = defaultdict(list)
        self._by_first: dict[int, list[_Entry]] = defaultdict(list)
        self._owners: dict[str, set[str]] = defaultdict(set)
        self._forms: dict[tuple[bool, bool], dict[str, _Form]] = defaultdict(dict)
        for slug, specs in topics.items():
            for spec in specs:
                self._add(slug, parse_term(spec))

    def _add(self, topic: str, term: Term) -> None:
        self._owners[term.text].add(topic)
        first, *rest = (self._number(word) for word in term.words)
        self._by_first[first].append(_Entry(topic, term, tuple(rest)))

    def _number(self, word: Word) -> int:
        if word not in self._numbers:
            self._numbers[word] = len(self._numbers)
            for head in _heads(word):
                self._by_head[head].append((word, self._numbers[word]))
        return self._numbers[word]

    def find(self, field: Field) -> list[Hit]:
        """Return the hits in reading order.

        Within a topic the longest phrase wins and hides its words from the topic's other terms. A
        phrase also hides them from every topic that does not list it: *sera gazı* is no *sera*.
        Masks come before terms of the same length and yield no hit.
        """
        hits: list[Hit] = []
        forms = self._forms_of(field)
        covered: dict[str, int] = {}  # topic → first token that is still free
        phrase_end, phrase_owners = 0, frozenset[str]()
        for i, form in enumerate(forms):
            for topic, term, rest in form.entries:
                if rest and not _continues(rest, forms, i + 1):
                    continue
                if i < covered.get(topic, 0) or (i < phrase_end and topic not in phrase_owners):
                    continue
                end = covered[topic] = i + 1 + len(rest)
                if term.is_mask:
                    continue
                hits.append(Hit(topic, term, i, end - 1))
                if rest and end > phrase_end:
                    phrase_end, phrase_owners = end, frozenset(self._owners[term.text])
        return hits

    def _forms_of(self, field: Field) -> list[_Form]:
        known = self._forms[field.is_plain, field.is_dotted]
        if len(known) >= _CACHE_SIZE:
            known.clear()
        forms = []
        for token in field.tokens:
            form = known.get(token.raw)
            if form is None:
                form = self._look_up(token, field.is_plain)
                if len(token.raw) <= MAX_WORD:
                    known[token.raw] = form
            forms.append(form)
        return forms

    def _look_up(self, token: Token, is_plain: bool) -> _Form:
        heads = {token.folded[:length] for length in range(1, _HEAD + 1)}
        words = [
            number
            for head in heads
            for word, number in self._by_head.get(head, ())
            if word.matches(token, is_plain)
        ]
        if not words:
            return _NOTHING
        entries = [entry for number in sorted(words) for entry in self._by_first.get(number, ())]
        entries.sort(key=lambda entry: (-len(entry.rest), not entry.term.is_mask))
        return _Form(tuple(entries), frozenset(words))


_NOTHING = _Form((), frozenset())


def _heads(word: Word) -> set[str]:
    """Return the beginnings under which a word is filed; each token looks under three."""
    stems = (word.stem,) if word.mode is Mode.EXACT else (word.stem, *word.altered)
    return {stem[:_HEAD] for stem in stems}


def _continues(rest: tuple[int, ...], forms: list[_Form], start: int) -> bool:
    if start + len(rest) > len(forms):
        return False
    # The next word decides nearly always: asked alone, it saves a generator.
    return rest[0] in forms[start].words and all(
        number in forms[at].words for at, number in enumerate(rest[1:], start + 1)
    )
