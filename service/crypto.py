"""Encryption at rest, keyed hashes and signed tokens: the only place that touches the keys."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import lru_cache, partial

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from service.settings import Settings

BLOCK = 64  # octets that SHA-256 takes at once
_INNER, _OUTER = (bytes(octet ^ mask for octet in range(256)) for mask in (0x36, 0x5C))
_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _LETTERS for second in _LETTERS]
MAC_BYTES = 10  # 80 bits: a guess succeeds once in 10^24 tries, and a token stays short enough


class Vault:
    """Encrypts, hashes and signs with the keys of the settings.

    Tokens and hashes of different purposes never collide: the purpose is part of what is signed.
    """

    def __init__(self, settings: Settings) -> None:
        keys = settings.encryption_key.get_secret_value().split(",")
        self._fernet = MultiFernet([Fernet(key.strip()) for key in keys])
        self._states = lru_cache(maxsize=64)(
            partial(_hmac_states, settings.secret_key.get_secret_value().encode())
        )
        self.secret = lru_cache(maxsize=256)(self.decrypt)  # for what each request needs anew

    def encrypt(self, text: str) -> str:
        return self._fernet.encrypt(text.encode()).decode()

    def decrypt(self, sealed: str) -> str:
        """Return what `encrypt` was given.

        Raises:
            ValueError: no key of the list opens it.
        """
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken as error:
            raise ValueError("stored secret does not open with TELLAL_ENCRYPTION_KEY") from error

    def keyed_hash(self, purpose: str, value: str) -> str:
        """A hash that nobody can recompute without the key: 64 hexadecimal digits."""
        return self._mac(purpose, value.encode()).hex()

    def token(self, purpose: str, *numbers: int) -> str:
        """Sign some non-negative numbers into lower-case base32 that needs no table to be read."""
        payload = b"".join(map(_varint, numbers))
        return _text(payload + self._mac(purpose, payload)[:MAC_BYTES])

    def numbers(self, purpose: str, token: str, count: int) -> tuple[int, ...] | None:
        """The numbers of an authentic token in any case (relays fold it); None for other texts."""
        padded = token.upper() + "=" * (-len(token) % 8)
        try:
            signed = base64.b32decode(padded.encode("ascii"))
        except ValueError:
            return None
        if _text(signed) != token.lower() or not token.isascii():  # loose bits, "=", "ı"
            return None
        payload, mac = signed[:-MAC_BYTES], signed[-MAC_BYTES:]
        if not hmac.compare_digest(self._mac(purpose, payload)[:MAC_BYTES], mac):
            return None
        found = _varints(payload)
        return found if len(found) == count else None

    def _mac(self, purpose: str, value: bytes) -> bytes:
        begun, outer = self._states(purpose)
        inner, outer = begun.copy(), outer.copy()
        inner.update(value)
        outer.update(inner.digest())
        return outer.digest()


def _hmac_states(secret: bytes, purpose: str) -> tuple[hashlib._Hash, hashlib._Hash]:
    """HMAC-SHA-256 (RFC 2104) as far as it is the same for all values of a purpose: every letter
    carries two or three tokens, so the key is not taken up anew for each."""
    key = hashlib.sha256(secret).digest() if len(secret) > BLOCK else secret
    key = key.ljust(BLOCK, b"\0")
    inner = hashlib.sha256(key.translate(_INNER) + purpose.encode() + b"\0")
    return inner, hashlib.sha256(key.translate(_OUTER))


def _text(signed: bytes) -> str:
    """Lower-case base32 without padding (RFC 4648, section 6), two letters at a time."""
    bits = 8 * len(signed)
    spare = -bits % 10
    number = int.from_bytes(signed, "big") << spare
    text = "".join([_PAIRS[number >> at & 1023] for at in range(bits + spare - 10, -1, -10)])
    return text[: -(-bits // 5)]


@lru_cache(maxsize=1024)  # a letter has two tokens or three of the same numbers
def _varint(number: int) -> bytes:
    if number < 0:
        raise ValueError("tokens carry non-negative numbers only")
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varints(payload: bytes) -> tuple[int, ...]:
    found, current, shift = [], 0, 0
    for byte in payload:
        current |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            found.append(current)
            current, shift = 0, 0
    return tuple(found)
