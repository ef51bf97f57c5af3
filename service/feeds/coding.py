"""Content codings of feeds: which one an answer gets, and gzip without compressing anything.

A fragment is also kept as raw deflate that ends with a full flush (RFC 1951, section 3.2.4): such
pieces may be joined in any order, and with gzip's header and checksum (RFC 1952) they are the feed.
That is about twice the size of a body compressed as a whole, for a fiftieth of the time.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import brotli

BROTLI, GZIP, IDENTITY = "br", "gzip", "identity"
PREFERRED = (BROTLI, GZIP, IDENTITY)
MAX_LENGTH = 200  # characters of an Accept-Encoding that are looked at
_LEVEL, _QUALITY = 6, 5
_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # no time, no name, any system
_END = b"\x03\x00"  # an empty last block
_ONE = re.compile(r"\s*([!#$%&'*+.^_`|~0-9a-z-]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*", re.I)


@dataclass(frozen=True, slots=True)
class Fragment:
    """Bytes of a feed, plain and as a piece of deflate."""

    data: bytes
    deflated: bytes

    @classmethod
    def of(cls, data: bytes) -> Fragment:
        squeezer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        return cls(data, squeezer.compress(data) + squeezer.flush(zlib.Z_FULL_FLUSH))


def join_gzip(fragments: Iterable[Fragment]) -> bytes:
    """One gzip file of all of them, one after the other."""
    checksum = length = 0
    parts = [_HEADER]
    for one in fragments:
        checksum = zlib.crc32(one.data, checksum)
        length += len(one.data)
        parts.append(one.deflated)
    return b"".join((*parts, _END, struct.pack("<LL", checksum, length & 0xFFFFFFFF)))


def encode(data: bytes, coding: str) -> bytes:
    """Compress the whole of it, for a body that is kept."""
    if coding == BROTLI:
        return bytes(brotli.compress(data, mode=brotli.MODE_TEXT, quality=_QUALITY))
    return gzip.compress(data, _LEVEL, mtime=0) if coding == GZIP else data


def decode(data: bytes, coding: str) -> bytes:
    """The plain bytes of what was encoded here."""
    if coding == BROTLI:
        return bytes(brotli.decompress(data))
    return gzip.decompress(data) if coding == GZIP else data


def accepted(header: str | None) -> tuple[str, ...]:
    """Our codings that an Accept-Encoding takes, the most wanted first; never none of them.

    RFC 9110, section 12.5.3; where nothing that we have is acceptable, the plain bytes go, as that
    section lets a server do. Without the header a client has said nothing of being able to inflate.
    """
    return _ranked(header[:MAX_LENGTH]) if header else (IDENTITY,)


@lru_cache(maxsize=512)
def _ranked(header: str) -> tuple[str, ...]:
    said: dict[str, float] = {}
    for part in header.split(","):
        if found := _ONE.fullmatch(part):
            name = found[1].lower()
            said[GZIP if name == "x-gzip" else name] = float(found[2] or 1)
    # What is not named is as good as `*`; the plain bytes go without saying, though last.
    others = said.get("*", 0.0)
    weights = {coding: said.get(coding, others) for coding in PREFERRED}
    if IDENTITY not in said and "*" not in said:
        weights[IDENTITY] = 1e-9
    found_ones = (coding for coding in PREFERRED if weights[coding])
    return tuple(sorted(found_ones, key=lambda coding: -weights[coding])) or (IDENTITY,)
