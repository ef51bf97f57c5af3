"""Signatures of Standard Webhooks, over the raw bytes and in constant time.

The reference library signs for us; as a verifier its window is fixed and malformed headers raise
other errors, so verification is written out here and tested against it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime

WINDOW_S = 300  # a request older or newer than this may be a replay
SECRET_PREFIX = "whsec_"  # noqa: S105  how every such secret begins
MAX_ID = 255


class SignatureError(Exception):
    """The request is not proved to come from the source; the caller never says why."""


def new_secret() -> str:
    """32 random bytes in the form that CMSs and libraries expect."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def verify_standard(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> str:
    """Check `webhook-id`, `webhook-timestamp` and `webhook-signature`; return the id.

    Raises:
        SignatureError: a header is missing or malformed, the time is outside ±5 minutes, or no
            signature of the list fits.
    """
    webhook_id = headers.get("webhook-id", "")
    stamp = headers.get("webhook-timestamp", "")
    given = headers.get("webhook-signature", "")
    if not 0 < len(webhook_id) <= MAX_ID or not webhook_id.isprintable() or not given:
        raise SignatureError
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
        raise SignatureError
    if abs(now.timestamp() - int(stamp)) > WINDOW_S:
        raise SignatureError
    signed = b"%s.%s.%s" % (webhook_id.encode(), stamp.encode(), body)
    expected = hmac.digest(secret_key(secret), signed, hashlib.sha256)
    if not any(hmac.compare_digest(expected, candidate) for candidate in _candidates(given)):
        raise SignatureError
    return webhook_id


def secret_key(secret: str) -> bytes:
    """The bytes that a secret stands for. Raises ValueError where it is no base64."""
    return base64.b64decode(secret.removeprefix(SECRET_PREFIX))


def _candidates(header: str) -> list[bytes]:
    """Every `v1` signature of the space-separated list; senders that rotate keys send two."""
    found = []
    for part in header.split(" ")[:16]:
        version, _, value = part.partition(",")
        if version != "v1":
            continue
        try:
            found.append(base64.b64decode(value, validate=True))
        except (binascii.Error, ValueError):
            continue
    return found
