"""DKIM keys: read, made, and as the DNS publishes them (RFC 6376, section 3.6.1)."""

from __future__ import annotations

import base64
import re
from functools import lru_cache

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

BITS = 2048  # RFC 8301; longer ones do not fit everybody's DNS, and cost four times as much to use
MAX_STRING = 255  # of a TXT record, which holds several (RFC 1035, section 3.3)
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*")  # of a selector or a domain, in A-labels


@lru_cache(maxsize=8)  # reading one checks its primes, which takes longer than many signatures
def signing_key(pem: str) -> rsa.RSAPrivateKey:
    """The private key of a PEM text.

    Raises:
        ValueError: it is no RSA key, has a passphrase, or is shorter than 2,048 bits.
    """
    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise ValueError("the key has a passphrase; store it without one") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("no private key in PEM form; `tellal mail key` makes one") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key, which is the kind that every mailbox can check")
    if key.key_size < BITS:
        raise ValueError(f"{key.key_size} bits are too few; mailboxes ask for {BITS}")
    return key


def new_key() -> str:
    """A fresh private key as PEM text."""
    return (
        rsa.generate_private_key(public_exponent=65537, key_size=BITS)
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode("ascii")
    )


def txt_record(pem: str) -> str:
    """What the DNS says at `SELECTOR._domainkey.DOMAIN` for this key.

    Raises:
        ValueError: as `signing_key`.
    """
    public = signing_key(pem).public_key()
    der = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode('ascii')}"


def zone_line(name: str, record: str) -> str:
    """The record as a line of a zone file, in strings that are short enough."""
    parts = [record[start : start + MAX_STRING] for start in range(0, len(record), MAX_STRING)]
    quoted = " ".join(f'"{part}"' for part in parts)
    return f"{name}. IN TXT ( {quoted} )"
