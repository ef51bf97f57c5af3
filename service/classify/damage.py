"""Tells a text that was read in the wrong encoding, and must not be classified or sent."""

import re
from dataclasses import dataclass

_WORD = re.compile(r"\S+")
_QUERY = re.compile(r"\S\.\w+\?\S")  # page.php?id=1
_LETTER = r"[^\W\d_]"
_REPLACEMENT = "\ufffd"
_LOST = re.compile(rf"(?<={_LETTER})\?+(?=[a-zçğıöşü])|(?<!\S)\?(?=[a-zçğıöşü]{{2}})")
# UTF-8 read as Latin-1 or as a Windows code page: Ä°zmir, BÃ¼yÃ¼kÅŸehir, â€™
_MISREAD = re.compile(
    "[ÃÄÅ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u2010-\u203a\u20ac\u2122]"
    "|â€"
)
_LATIN1 = re.compile("[ýþðÝÞÐ]")  # cp1254 read as Latin-1: Ýzmir Büyükþehir
# What these letters were. Beside one that is left, the others are Icelandic: Guðmundur, Þórdís.
_TURKISH = re.compile("[ışğİŞĞ]")
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


def _without_url(word: re.Match[str]) -> str:
    """Drop an address, in which a question mark stands for itself."""
    is_url = "://" in word[0] or "www." in word[0] or _QUERY.search(word[0])
    return " " if is_url else word[0]


def encoding_damage(text: str, article: str = "") -> Damage:
    """Count the marks that a wrong encoding leaves; give it the text before ``clean``.

    ``article``: all of it, where the text is a part.
    """
    if _ANY_MARK.search(text) is None:
        return _SOUND
    if "?" in text:
        text = _WORD.sub(_without_url, text)
    return Damage(
        lost=len(_LOST.findall(text)),
        misread=len(_MISREAD.findall(text)),
        latin1=0 if _TURKISH.search(article or text) else len(_LATIN1.findall(text)),
        replaced=text.count(_REPLACEMENT),
        words=max(1, len(text.split())),
    )


def damage_of(*texts: str) -> str | None:
    """Say what is wrong with the texts of an article; null if they are sound.

    Each is looked at alone, so that a long sound body cannot hide a broken title, and then all.
    """
    article = "\n".join(texts)
    for text in (*texts, article):
        damage = encoding_damage(text, article)
        if damage.refuse:
            return damage.reason
    return None
