"""The one place that normalises Turkish: cleaning, keys, slugs and tokens.

``str.lower()``, ``casefold()`` and ``re.IGNORECASE`` are wrong for Turkish, which pairs ``I``/``ı``
and ``İ``/``i``. Everything that compares text uses the two keys made here instead: the *display
key* keeps the Turkish letters, the *match key* is its ASCII folding.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

TURKISH_LETTERS = frozenset("çğıöşüÇĞİÖŞÜ")

# Everything that CMSs and keyboards put for an apostrophe; U+0092 is cp1254 read as Latin-1.
_APOSTROPHES = "'\u2019\u2018\u02bc\u0060\u00b4\u2032\uff07\u0092"
_A = f"[{_APOSTROPHES}]"
# An apostrophe cuts a suffix off a name (İzmir'in), except inside this one common word.
_INNER_APOSTROPHE = rf"[Kk][Uu][Rr]{_A}[AaÂâ][Nn](?![^\W\d_])"
_SUFFIX = re.compile(rf"(?<!\w)({_INNER_APOSTROPHE})|(?<=\w){_A}(?=\w)\w*")
_TOKEN = re.compile(rf"({_INNER_APOSTROPHE}|\d+|[^\W\d_]+)(?:{_A}(?=\w)(\w*))?")

# Soft hyphen, zero-width and direction marks, and the C1 controls that mean nothing in cp1254.
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\x81\x8d-\x90\x9d\x9e"
_DROPPED = re.compile(f"[{_INVISIBLE}]")
_DROPPED_AT_END = re.compile(f"[{_INVISIBLE}]+$")
_SUSPECT = re.compile(f"[\u0080-\u009f\u0307{_INVISIBLE}]")
# Letters and marks that NFC leaves alone, up to where something may compose with the last one.
_CLEAN_CHAR = "[\x00-\x7f\xa0-\xac\xae-\u02ff\u2010-\u2027\u20ac]"
_CLEAN_RUN = re.compile(rf"{_CLEAN_CHAR}+(?={_CLEAN_CHAR}|\Z)")
_C1 = {code: bytes([code]).decode("cp1254", "ignore") for code in range(0x80, 0xA0)}

_MAX_CLUSTER = 64  # characters: a letter with its marks, or a Hangul syllable

_STRAY_MARK = re.compile("[\u0300-\u036f]")  # one that found no letter to compose with
_UPPER_I = str.maketrans("İI", "iı")
_CIRCUMFLEX = str.maketrans("âîûÂÎÛ", "aiuAİU")
_FOLD = str.maketrans("çğıöşü", "cgiosu")
# Lower-cases and folds letter by letter, so that offsets stay: str.lower() may lengthen a text.
_FOLD_IN_PLACE = str.maketrans(
    "âîûÂÎÛçğıöşüÇĞİÖŞÜABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "aiuaiucgiosucgiosuabcdefghijklmnopqrstuvwxyz",
)
# Turkish never has ı straight after a front vowel, so this I was upper-cased by English rules.
_ENGLISH_CAPITALS = re.compile(r"\b[A-ZÇĞİÖŞÜ]*[EİÖÜ][BCÇDFGĞHJ-NPR-TŞVYZ]*I")
_CAPITAL = re.compile("[A-ZÇĞİÖŞÜÂÎÛ]")
MAX_WORD = 64  # letters of a word; what is longer is none
_CASED_UP_TO = 0.7  # above this share of capitals the casing of a field says nothing


# --- cleaning ------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Repair what is safe to repair: NFC, no invisible characters, C1 controls read as cp1254.

    The combining dot that a wrong lower-casing leaves behind (U+0307) goes too, unless it is part
    of a composed letter. Idempotent.
    """
    if _is_clean(text):
        return text
    return "".join(piece if is_run else _clean_cluster(piece) for _, piece, is_run in _pieces(text))


def _is_clean(text: str) -> bool:
    return text.isascii() or (
        _SUSPECT.search(text) is None and unicodedata.is_normalized("NFC", text)
    )


def _clean_cluster(cluster: str) -> str:
    # No script stacks so many marks; sorting them would take quadratic time.
    kept = _DROPPED.sub("", cluster.translate(_C1))[:_MAX_CLUSTER]
    text = unicodedata.normalize("NFC", kept)
    return unicodedata.normalize("NFC", text.replace("\u0307", ""))


def _pieces(text: str) -> Iterator[tuple[int, str, bool]]:
    """Split into (offset, piece, is it a clean run?); the others are single clusters."""
    start = 0
    while start < len(text):
        if run := _CLEAN_RUN.match(text, start):
            end = run.end()
        else:
            end = start + 1
            while end < len(text) and _joins(text[end], text[end - 1]):
                end += 1
        yield start, text[start:end], run is not None
        start = end


def _joins(char: str, before: str) -> bool:
    if "\u1160" <= char <= "\u11ff":  # Hangul vowels and finals compose with other Hangul only
        return "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    return unicodedata.category(char).startswith("M") or _DROPPED.match(char) is not None


# --- keys ----------------------------------------------------------------------------------------


def tr_lower(text: str) -> str:
    """Lower-case by Turkish rules (İ→i, I→ı); the result is NFC."""
    lowered = unicodedata.normalize("NFC", text).translate(_UPPER_I).lower()
    return unicodedata.normalize("NFC", lowered.replace("i\u0307", "i"))


def display_key(text: str) -> str:
    """Clean and lower-case; drop circumflexes, stray marks and suffixes after an apostrophe."""
    plain = _STRAY_MARK.sub("", clean(text).translate(_CIRCUMFLEX))
    return tr_lower(_SUFFIX.sub(lambda match: match[1] or "", plain))


def fold(lowered: str) -> str:
    """Turn the Turkish letters of a lower-case text into plain ones; nothing else changes."""
    return lowered.translate(_FOLD)


def match_key(text: str) -> str:
    """Fold the display key to plain letters, so that *cevre* finds *çevre*."""
    return fold(display_key(text))


def fold_ascii(text: str) -> str:
    """Return a lower-case ASCII reading of a text; characters that have none are dropped."""
    lowered = fold(tr_lower(clean(text).translate(_CIRCUMFLEX)))
    return unicodedata.normalize("NFKD", lowered).encode("ascii", "ignore").decode().lower()


def slugify(text: str) -> str:
    """Return an ASCII slug of words joined by hyphens; empty if the text has no letter or digit.

    Apostrophes join (İzmir'in → izmirin), everything else that is no letter or digit separates.
    """
    joined = re.sub(_A, "", clean(text))
    spaced = re.sub(r"[\W_]+", " ", joined)
    return "-".join(re.findall(r"[a-z0-9]+", fold_ascii(spaced)))


# --- tokens --------------------------------------------------------------------------------------


class Token(NamedTuple):
    """One word or number of a field, without its apostrophe suffix."""

    raw: str  # cleaned, casing kept, circumflex dropped
    shown: str  # display key
    folded: str  # match key
    start: int  # span in the text as it was given
    end: int
    unsure: tuple[int, ...]  # positions of a capital I that may be i or ı
    at: int  # start in the cleaned text, where ``raw`` has its own length
    suffix: str  # what followed an apostrophe, without it

    @property
    def stop(self) -> int:
        """End in the cleaned text, apostrophe suffix included."""
        return self.at + len(self.raw) + (len(self.suffix) + 1 if self.suffix else 0)


class Field:
    """One text of an article, cleaned and tokenised once for all that look at it."""

    def __init__(self, text: str) -> None:
        self.original = text
        self._origin: list[tuple[int, int]] | None = None
        if _is_clean(text):
            self.cleaned = text
        else:
            self.cleaned, self._origin = _clean_with_origin(text)
        # Typed without any Turkish letter: then c may stand for ç.
        self.is_plain = TURKISH_LETTERS.isdisjoint(self.cleaned)
        # Typed with a Turkish capital İ: then a capital I is ı.
        self.is_dotted = "İ" in self.cleaned and _ENGLISH_CAPITALS.search(self.cleaned) is None
        self.tokens = self._tokenise()

    def _tokenise(self) -> list[Token]:
        tokens = []
        origin, dotted = self._origin, self.is_dotted
        for match in _TOKEN.finditer(self.cleaned):
            at, stop = match.span(1)
            raw, shown, folded, unsure = _form(match[1], dotted)
            start, end = (at, stop) if origin is None else (origin[at][0], origin[stop - 1][1])
            tokens.append(Token(raw, shown, folded, start, end, unsure, at, match[2] or ""))
        return tokens

    @cached_property
    def folded(self) -> str:
        """The cleaned text lower-cased and folded, of the same length as ``cleaned``."""
        return self.cleaned.translate(_FOLD_IN_PLACE)

    @cached_property
    def is_cased(self) -> bool:
        """Does casing tell names from words here, that is: neither all capitals nor none?"""
        letters = sum(len(token.raw) for token in self.tokens if not token.raw.isdigit())
        capitals = len(_CAPITAL.findall(self.cleaned))
        return 0 < capitals <= _CASED_UP_TO * letters


def tokenise(text: str) -> list[Token]:
    """Split a text into tokens whose ``start`` and ``end`` are offsets into that very text."""
    return Field(text).tokens


def _clean_with_origin(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the cleaned text and, per character of it, the span it came from."""
    parts: list[str] = []
    origin: list[tuple[int, int]] = []
    for start, piece, is_run in _pieces(text):
        part = piece if is_run else _clean_cluster(piece)
        parts.append(part)
        # Invisible characters after a word stay out of its span.
        end = start + len(_DROPPED_AT_END.sub("", piece))
        if part == text[start:end]:
            origin += [(i, i + 1) for i in range(start, end)]
        else:
            origin += [(start, end)] * len(part)
    return "".join(parts), origin


def _form(word: str, is_dotted: bool) -> tuple[str, str, str, tuple[int, ...]]:
    # What is longer than any word would only fill the memory.
    return _known_form(word, is_dotted) if len(word) <= MAX_WORD else _new_form(word, is_dotted)


def _new_form(word: str, is_dotted: bool) -> tuple[str, str, str, tuple[int, ...]]:
    raw = word.translate(_CIRCUMFLEX)
    shown = tr_lower(raw)
    is_sure = is_dotted and raw.isupper()
    unsure = () if is_sure else tuple(i for i, char in enumerate(raw) if char == "I")
    return raw, shown, fold(shown), unsure


_known_form = lru_cache(maxsize=100_000)(_new_form)
