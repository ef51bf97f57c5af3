"""All terms of all topics, compiled once and found in one pass over the tokens of a field."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from service.classify.terms import Mode, Term, Word, parse_term
from service.classify.text import Field, Token

_HEAD = 3  # letters by which terms are looked up; Turkish words share two far too often
_CACHE_SIZE = 100_000  # word forms kept, about two years of a city's news


@dataclass(frozen=True)
class TopicTerm:
    """A term as one topic lists it."""

    topic: str
    term: Term


@dataclass(frozen=True)
class Hit:
    """A term found at tokens ``first`` to ``last`` (both included) of a field."""

    topic: str
    term: Term
    first: int
    last: int


class TermMatcher:
    """Finds the terms of every topic in a field. Safe to share between threads."""

    def __init__(self, topics: Mapping[str, Iterable[str]]) -> None:
        """Compile ``{topic slug: terms}``; raises ``TermSyntaxError`` for a term it cannot read."""
        self._by_head: dict[str, list[TopicTerm]] = defaultdict(list)
        self._owners: dict[str, set[str]] = defaultdict(set)
        self._cache: dict[tuple[str, bool, bool], tuple[TopicTerm, ...]] = {}
        for slug, specs in topics.items():
            for spec in specs:
                self._add(TopicTerm(slug, parse_term(spec)))

    def _add(self, entry: TopicTerm) -> None:
        self._owners[entry.term.text].add(entry.topic)
        for head in _heads(entry.term.words[0]):
            self._by_head[head].append(entry)

    def find(self, field: Field) -> list[Hit]:
        """Return the hits in reading order.

        Within a topic the longest phrase wins and hides its words from the topic's other terms. A
        phrase also hides them from every topic that does not list it: *sera gazı* is no *sera*.
        Masks come before terms of the same length and yield no hit.
        """
        tokens, hits = field.tokens, []
        covered: dict[str, int] = {}  # topic → first token that is still free
        phrase_end, phrase_owners = 0, frozenset[str]()
        for i, token in enumerate(tokens):
            for entry in self._candidates(token, field):
                topic, term = entry.topic, entry.term
                end = i + len(term.words)
                if i < covered.get(topic, 0) or (i < phrase_end and topic not in phrase_owners):
                    continue
                if not _continues(term, tokens[i + 1 : end], field.is_plain):
                    continue
                covered[topic] = end
                if term.is_mask:
                    continue
                hits.append(Hit(topic, term, i, end - 1))
                if end - i > 1 and end > phrase_end:
                    phrase_end, phrase_owners = end, frozenset(self._owners[term.text])
        return hits

    def _candidates(self, token: Token, field: Field) -> tuple[TopicTerm, ...]:
        """Return the terms whose first word matches: longest first, masks before others."""
        key = (token.raw, field.is_plain, field.is_dotted)
        found = self._cache.get(key)
        if found is None:
            found = self._look_up(token, field.is_plain)
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[key] = found
        return found

    def _look_up(self, token: Token, is_plain: bool) -> tuple[TopicTerm, ...]:
        heads = {token.folded[:length] for length in range(1, _HEAD + 1)}
        entries = [
            entry
            for head in sorted(heads)
            for entry in self._by_head.get(head, ())
            if entry.term.words[0].matches(token, is_plain)
        ]
        return tuple(sorted(entries, key=lambda e: (-len(e.term.words), not e.term.is_mask)))


def _heads(word: Word) -> set[str]:
    """Return the beginnings under which a word is filed; each token looks under three."""
    stems = (word.stem,) if word.mode is Mode.EXACT else (word.stem, *word.altered)
    return {stem[:_HEAD] for stem in stems}


def _continues(term: Term, following: list[Token], is_plain: bool) -> bool:
    rest = term.words[1:]
    return len(rest) == len(following) and all(
        word.matches(token, is_plain) for word, token in zip(rest, following, strict=True)
    )
