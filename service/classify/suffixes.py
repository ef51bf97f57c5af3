"""Which endings a Turkish noun can take, on folded text (plain letters).

A chain is, in this order and each part optional: derivation, plural, possessive, case, -ki,
copula. Folding merges i/ı and u/ü, so vowel harmony is not checked; the display key confirms the
letters of the stem, and the order of the parts keeps *yolsuzluk* from *yol*.
"""

import re
from functools import lru_cache

_DERIVATION = r"(?:l[iu][kg]?|s[iu]z|c[iu]|s[ae]l)"
_PLURAL = r"l[ae]r"
_POSSESSIVE = r"(?:[iu]?[mn][iu]z|[iu]?[mn]|s?[iu])"
_CASE = r"(?:n?[dt][ae]n?|[yn]?[iu]n|[yn]?[iu]|[yn]?[ae]|y?l[ae]|n?c[ae])"
_KI = r"ki(?:l[ae]r)?(?:n[iu]n?|n[ae]|nd[ae]n?)?"
_COPULA = r"(?:[dt][iu]r|y?[dt][iu]|y?m[iu]s|y?s[ae])"
_INFLECTION = rf"(?:{_PLURAL})?{_POSSESSIVE}?{_CASE}?(?:{_KI})?{_COPULA}?"

_SHORT_CHAIN = re.compile(_INFLECTION)
_LONG_CHAIN = re.compile(rf"{_DERIVATION}?{_INFLECTION}")
_LONGEST_CHAIN = 40  # letters, more than all parts together; bounds what the cache keeps
_DERIVING_LENGTH = 4  # shorter stems derive into other words: yol → yolsuz(luk), su → susuz

_SOFTENED = {"p": "b", "t": "d", "k": "g"}  # ç → c is already folded
# Stems that lose a vowel or double a consonant before a vowel.
_IRREGULAR = {
    "akil": "akl", "burun": "burn", "fikir": "fikr", "hak": "hakk", "hat": "hatt",
    "hukum": "hukm", "isim": "ism", "izin": "izn", "kayit": "kayd", "kisim": "kism",
    "nakit": "nakd", "nehir": "nehr", "omur": "omr", "resim": "resm", "ret": "redd",
    "sehir": "sehr", "vakif": "vakf",
}  # fmt: skip
_MIN_ALTERED = 3  # two-letter stems keep their form: at → atı, su → suyu
# A word of one syllable keeps its last letter (kent → kenti, not kendi "own"), but for these.
_SOFT_SYLLABLES = frozenset(
    ["art", "cep", "cok", "denk", "dip", "dort", "gok", "kap", "kulp", "renk", "yok", "yurt"]
)
_UNSOFTENED = frozenset(["konut"])  # konuda is "on the matter", never "in the dwelling"
_VOWEL = re.compile("[aeiou]")


@lru_cache(maxsize=50_000)
def _is_chain(ending: str, may_derive: bool) -> bool:
    return (_LONG_CHAIN if may_derive else _SHORT_CHAIN).fullmatch(ending) is not None


def is_suffix_chain(stem: str, ending: str) -> bool:
    """Tell whether a noun with this stem can end so; both folded, the empty ending included."""
    if len(ending) > _LONGEST_CHAIN:
        return False
    return not ending or _is_chain(ending, len(stem) >= _DERIVING_LENGTH)


def altered_stems(stem: str) -> tuple[str, ...]:
    """Return the forms that a folded stem takes before a vowel: kitap → kitab, sehir → sehr."""
    if len(stem) < _MIN_ALTERED:
        return ()
    altered = []
    if stem[-1] in _SOFTENED and _softens(stem):
        altered.append(stem[:-1] + _SOFTENED[stem[-1]])
    if stem in _IRREGULAR:
        altered.append(_IRREGULAR[stem])
    return tuple(altered)


def _softens(stem: str) -> bool:
    if len(_VOWEL.findall(stem)) == 1:
        return stem in _SOFT_SYLLABLES
    return stem not in _UNSOFTENED
