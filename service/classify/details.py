"""Details: the words that say which event a text is about, and not what kind of event.

A notice of tomorrow's water cut, or of another street's, repeats an earlier one almost word for
word. It differs in a number, a day or a name, while two editions of one release differ in ordinary
words. Where casing tells nothing, any word may be a name, unless it stands in a title.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from service.classify.text import Field, Token

_DAY = re.compile(
    r"(pazartesi|salı|çarşamba|perşembe|cuma|cumartesi|pazar"
    r"|ocak|şubat|mart|nisan|mayıs|haziran|temmuz|ağustos|eylül|ekim|kasım|aralık"
    r"|bugün|yarın|ertesi)(?:[dt][ae]n?|y?[aeıiü]|n?[ıiü]n|k[iü]|l[ae]r[ıi]?)?|(dün)(?:kü|den)?"
)
# What stands before one of these is a name, however it is written.
_PLACE = re.compile("mahalle|cadde|soka[kg]|bulvar|meydan|koyu|mevki")
# The last word of a longer name says what kind of thing it is: Caddesi, Bakanlığı, Eczaneleri.
_KIND = re.compile("(?:[sğ][ıiuü]|l[ae]r[ıi])$")
_SENTENCE_END = re.compile(r"[.!?…]")
_LITTLE_WORD = 3  # letters: "ve" and "için" stay small in a title


@dataclass(frozen=True, slots=True)
class Details:
    """The numbers, days and names of a text, and all its words."""

    said: frozenset[str]
    words: frozenset[str]

    def are_in(self, other: "Details") -> bool:
        """Tell whether the other text has them all, wherever and however it says them."""
        return self.said <= other.words


def details_of(fields: Sequence[Field]) -> Details:
    """Return the details of an article; the first field is its title."""
    words = frozenset(_key(token) for field in fields for token in field.tokens)
    said = {_key(token) for i, field in enumerate(fields) for token in _said(field, i == 0)}
    return Details(frozenset(said), words)


def _key(token: Token) -> str:
    """One key for all forms of a day: çarşamba, çarşambaya."""
    day = _DAY.fullmatch(token.shown)
    return (day[1] or day[2]) if day else token.folded


def _said(field: Field, is_title: bool) -> Iterable[Token]:
    plain = [token for token in field.tokens if _is_number_or_day(token)]
    if field.is_cased and not (is_title and _is_title_cased(field)):
        return [*plain, *_names(field)]
    return [*plain, *_marked_names(field)] if is_title else field.tokens


def _is_number_or_day(token: Token) -> bool:
    return token.shown[0].isdigit() or _DAY.fullmatch(token.shown) is not None


def _is_title_cased(field: Field) -> bool:
    return all(_is_capital(token) for token in field.tokens if len(token.raw) > _LITTLE_WORD)


def _names(field: Field) -> Iterator[Token]:
    """Words with a capital that no start of a sentence has given them."""
    yield from _marked_names(field)
    tokens = field.tokens
    for i, token in enumerate(tokens):
        if not _is_capital(token) or _is_kind(field, i):
            continue
        goes_on = i + 1 < len(tokens) and _is_capital(tokens[i + 1])
        if goes_on or not _begins_sentence(field, i):
            yield token


def _marked_names(field: Field) -> Iterator[Token]:
    """Names that are known without a capital: by their apostrophe, or the word that follows."""
    tokens = field.tokens
    for i, token in enumerate(tokens):
        is_place = i + 1 < len(tokens) and _PLACE.match(tokens[i + 1].folded)
        if is_place or (token.suffix and _is_capital(token)):
            yield token


def _is_capital(token: Token) -> bool:
    return token.raw[0].isupper()


def _is_kind(field: Field, i: int) -> bool:
    before = field.tokens[i - 1] if i else None
    is_last = before is not None and _is_capital(before) and not _between(field, i).strip()
    return is_last and _KIND.search(field.tokens[i].shown) is not None


def _begins_sentence(field: Field, i: int) -> bool:
    return i == 0 or _SENTENCE_END.search(_between(field, i)) is not None


def _between(field: Field, i: int) -> str:
    """What stands between a word and the one before it."""
    return field.cleaned[field.tokens[i - 1].stop : field.tokens[i].at]
