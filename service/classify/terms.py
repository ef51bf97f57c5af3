"""The syntax of topic terms, and whether one word of a term matches one token of a text.

A term is a phrase of words with an optional sign in front:

===========  ==================================================================================
``stem``     the word and its inflected forms (softening and vowel drops included); weight 1
``stem*``    any continuation: derivations and compounds
``=form``    this form only
``ABC``      two or three capitals: an acronym, matches capitals only
``+term``    strong, weight 2
``~term``    weak, weight 0.4
``-term``    mask: hides these words from its topic and scores nothing
``a b``      words in a row, each by the rules above; a hyphen separates words too
===========  ==================================================================================
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from service.classify.suffixes import altered_stems, is_suffix_chain
from service.classify.text import TURKISH_LETTERS, Token, clean, display_key, match_key

_SIGN_WEIGHT = {"+": 2.0, "~": 0.4, "-": 0.0}
_ACRONYM = re.compile(r"[A-ZÇĞİÖŞÜ]{2,3}")
_WORD = re.compile(r"=?(?:[^\W_]+)\*?")
_VOWELS = "aeiou"  # of folded text


class TermSyntaxError(ValueError):
    """A term that cannot be read; the message is a reason for the person who wrote it."""


class Mode(StrEnum):
    """How a word of a term matches."""

    INFLECTED = "inflected"
    PREFIX = "prefix"
    EXACT = "exact"
    ACRONYM = "acronym"


@dataclass(frozen=True)
class Word:
    """One word of a term."""

    mode: Mode
    shown: str  # display key
    stem: str  # match key
    altered: tuple[str, ...]  # stems before a vowel: kitab-, şehr-

    def matches(self, token: Token, is_plain: bool) -> bool:
        """Tell whether this word stands at the token; ``is_plain`` is that of the token's field."""
        return self._reaches(token) and self._letters_agree(token, is_plain)

    def _reaches(self, token: Token) -> bool:
        folded = token.folded
        if self.mode is Mode.EXACT:
            return folded == self.stem
        if self.mode is Mode.ACRONYM:
            return folded == self.stem and token.raw.isupper()
        if folded.startswith(self.stem) and self._may_continue(self.stem, folded):
            return True
        return any(
            folded.startswith(stem)
            and folded[len(stem) : len(stem) + 1] in tuple(_VOWELS)
            and self._may_continue(stem, folded)
            for stem in self.altered
        )

    def _may_continue(self, stem: str, folded: str) -> bool:
        return self.mode is Mode.PREFIX or is_suffix_chain(stem, folded[len(stem) :])

    def _letters_agree(self, token: Token, is_plain: bool) -> bool:
        """Compare the Turkish letters of the stem; the match key alone mixes up *aynı* and *ayni*.

        A Turkish letter in the text never stands for a plain one of the term. A plain letter may
        stand for a Turkish one only where the whole field is typed without Turkish letters.
        """
        last = len(self.shown) - 1
        for i, (mine, theirs) in enumerate(zip(self.shown, token.shown, strict=False)):
            if mine == theirs or i in token.unsure:
                continue
            if self.stem[i] != token.folded[i]:
                return True  # softened or dropped: the common part of the stem ends here
            if mine == "ç" and theirs == "c" and i == last:
                continue  # ağaç → ağacı
            if theirs in TURKISH_LETTERS or not is_plain:
                return False
        return True


@dataclass(frozen=True, eq=False)
class Term:
    """One term of one topic, ready to match; compared by identity, for it is a key in hot loops."""

    text: str  # as written, without its sign
    weight: float
    is_mask: bool
    words: tuple[Word, ...]

    @property
    def identity(self) -> tuple[tuple[Mode, str], ...]:
        """What the term matches; two terms of one topic must not share it."""
        return tuple((word.mode, word.shown) for word in self.words)


def parse_term(spec: str) -> Term:
    """Read a term; raises :class:`TermSyntaxError` with a reason."""
    text = clean(spec)
    sign = text[:1] if text[:1] in _SIGN_WEIGHT else ""
    phrase = text[len(sign) :]
    if not phrase.strip():
        raise TermSyntaxError("empty term")
    if phrase != " ".join(phrase.split()):
        raise TermSyntaxError(f"{spec!r}: one space between words, none around the term")
    parts = [part for word in phrase.split(" ") for part in word.split("-")]
    for part in parts:
        if not _WORD.fullmatch(part):
            raise TermSyntaxError(
                f"{spec!r}: {part!r} is no word; a word has letters or digits, "
                "may start with = and may end with *"
            )
        if part.startswith("=") and part.endswith("*"):
            raise TermSyntaxError(f"{spec!r}: = means this form only, * any continuation")
        if part.endswith("*") and len(part) < 3:
            raise TermSyntaxError(f"{spec!r}: two letters at least before *")
    return Term(phrase, _SIGN_WEIGHT.get(sign, 1.0), sign == "-", tuple(map(_word, parts)))


def _word(part: str) -> Word:
    bare = part.strip("=*")
    stem = match_key(bare)
    if part.startswith("=") or len(stem) < 2:
        mode = Mode.EXACT
    elif part.endswith("*"):
        mode = Mode.PREFIX
    elif _ACRONYM.fullmatch(part):
        mode = Mode.ACRONYM
    else:
        mode = Mode.INFLECTED
    inflects = mode in (Mode.INFLECTED, Mode.PREFIX)
    return Word(mode, display_key(bare), stem, altered_stems(stem) if inflects else ())
