"""The bytes of a site as text: UTF-8 wherever they are, else what is declared, else Turkish."""

from __future__ import annotations

import codecs
import re

_DECLARED = re.compile(
    rb"""(?:encoding|charset)\s{0,4}=\s{0,4}["']?\s{0,4}([A-Za-z0-9._-]{3,20})"""
)
# Browsers read the ISO names as their Windows supersets (WHATWG Encoding, section 4.2).
_SINGLE_BYTE = {
    **dict.fromkeys(("iso-8859-9", "iso8859-9", "latin5", "windows-1254", "cp1254"), "cp1254"),
    **dict.fromkeys(
        ("iso-8859-1", "iso8859-1", "latin1", "us-ascii", "windows-1252", "cp1252"), "cp1252"
    ),
    **{f"windows-125{n}": f"cp125{n}" for n in (0, 1, 3, 5, 6, 7, 8)},
}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
FALLBACK = "cp1254"


def decode(content: bytes, charset: str | None = None) -> str:
    """Decode whatever came; never raises.

    Text of another encoding is next to never valid UTF-8 by chance, while sites that declare a
    wrong one are common, so UTF-8 is tried before `charset` (the header's) and the document's own.
    """
    marked = next((name for bom, name in _BOMS if content.startswith(bom)), "utf-8")
    for name in (marked, *_declared(content, charset)):
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    return content.decode(FALLBACK, "replace")


def _declared(content: bytes, charset: str | None) -> list[str]:
    """Only encodings of this table: Python knows some that are no such thing."""
    found = _DECLARED.search(content[:2048])
    names = [charset or "", found[1].decode("ascii") if found else ""]
    return [_SINGLE_BYTE[name.lower()] for name in names if name.lower() in _SINGLE_BYTE]
