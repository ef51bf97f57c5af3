"""The one place that normalises Turkish: keys, tokens, slugs and the check for damaged encodings.

``str.lower()``, ``casefold()`` and ``re.IGNORECASE`` are wrong for Turkish, which pairs ``I``/``ı``
and ``İ``/``i``. Everything that compares text uses the two keys made here instead: the *display
key* keeps the Turkish letters, the *match key* is its ASCII folding.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
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
_CASED_UP_TO = 0.7  # above this share of capitals the casing of a field says nothing


# --- cleaning ------------------------------------------------------------------------------------


def clean(text: str) -> str:
    """Repair what is safe to repair: NFC, no invisible characters, C1 controls read as cp1254.

    The combining dot that a wrong lower-casing leaves behind (U+0307) goes too, unless it is part
    of a composed letter. Idempotent.
    """
    if _is_clean(text):
        return text
    return "".join(_clean_piece(piece) for _, piece in _pieces(text))


def _is_clean(text: str) -> bool:
    return text.isascii() or (
        _SUSPECT.search(text) is None and unicodedata.is_normalized("NFC", text)
    )


def _clean_piece(piece: str) -> str:
    text = unicodedata.normalize("NFC", _DROPPED.sub("", piece.translate(_C1)))
    return unicodedata.normalize("NFC", text.replace("\u0307", ""))


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """Split into (offset, piece): runs that are clean, and single clusters that may not be."""
    start = 0
    while start < len(text):
        if run := _CLEAN_RUN.match(text, start):
            end = run.end()
        else:
            end = start + 1
            while end < len(text) and _joins(text[end], text[end - 1]):
                end += 1
        yield start, text[start:end]
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
    for start, piece in _pieces(text):
        part = _clean_piece(piece)
        parts.append(part)
        # Invisible characters after a word stay out of its span.
        end = start + len(_DROPPED_AT_END.sub("", piece))
        if part == text[start:end]:
            origin += [(i, i + 1) for i in range(start, end)]
        else:
            origin += [(start, end)] * len(part)
    return "".join(parts), origin


@lru_cache(maxsize=100_000)
def _form(word: str, is_dotted: bool) -> tuple[str, str, str, tuple[int, ...]]:
    raw = word.translate(_CIRCUMFLEX)
    shown = tr_lower(raw)
    is_sure = is_dotted and raw.isupper()
    unsure = () if is_sure else tuple(i for i, char in enumerate(raw) if char == "I")
    return raw, shown, fold(shown), unsure


# --- damaged encodings ---------------------------------------------------------------------------

_URL = re.compile(r"\S*://\S+|www\.\S+|\S+\.\w+\?\S+")
_LETTER = r"[^\W\d_]"
_REPLACEMENT = "\ufffd"
_LOST = re.compile(rf"(?<={_LETTER})\?+(?=[a-zçğıöşü])|(?<!\S)\?(?=[a-zçğıöşü]{{2}})")
# UTF-8 read as Latin-1 or as a Windows code page: Ä°zmir, BÃ¼yÃ¼kÅŸehir, â€™
_MISREAD = re.compile(
    "[ÃÄÅ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u2010-\u203a\u20ac\u2122]"
    "|â€"
)
_LATIN1 = re.compile("[ýþðÝÞÐ]")  # cp1254 read as Latin-1: Ýzmir Büyükþehir
_ANY_MARK = re.compile("[?\ufffdÃÄÅâýþðÝÞÐ]")
_MIN_MARKS = 2
_MIN_SHARE = 0.01  # of words: refuses none of 4,329 sound texts (classification guide, 2.3)


@dataclass(frozen=True)
class Damage:
    """Signs of a wrong encoding in one text, by kind, and the number of words looked at."""

    lost: int = 0  # a question mark where a letter was
    misread: int = 0  # UTF-8 read byte by byte
    latin1: int = 0  # Turkish code page read as Latin-1
    replaced: int = 0  # U+FFFD
    words: int = 1

    @property
    def marks(self) -> int:
        return self.lost + self.misread + self.latin1 + self.replaced

    @property
    def refuse(self) -> bool:
        """Must the text go to a person instead of the classifier?"""
        enough = self.marks >= _MIN_MARKS and self.marks >= _MIN_SHARE * self.words
        return self.replaced > 0 or enough

    @property
    def reason(self) -> str:
        """Say in plain English what was found; empty for a sound text."""
        kinds = {
            "letters lost as question marks": self.lost,
            "UTF-8 read in another encoding": self.misread,
            "Turkish letters read as Latin-1": self.latin1,
            "replacement characters": self.replaced,
        }
        return ", ".join(f"{name} ({count})" for name, count in kinds.items() if count)


_SOUND = Damage()


def encoding_damage(text: str) -> Damage:
    """Count the marks that a wrong encoding leaves; give it the text before ``clean``."""
    if _ANY_MARK.search(text) is None:
        return _SOUND
    if "?" in text:
        text = _URL.sub(" ", text)
    return Damage(
        lost=len(_LOST.findall(text)),
        misread=len(_MISREAD.findall(text)),
        latin1=len(_LATIN1.findall(text)),
        replaced=text.count(_REPLACEMENT),
        words=max(1, len(text.split())),
    )
