"""The signature schemes of the CMSs, one small function each, in one table by name.

All look at the raw bytes of the body and compare bytes in constant time (ingest guide, section 6).
Whatever is wrong with a request is a `SignatureError`; no header can raise anything else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from service.ingest.signatures import WINDOW_S, SignatureError, verify_standard

MAX_HEADER = 4096  # characters; the longest real signature header has some 200
MAX_SIGNED_HEADERS = 50
_HEX256 = re.compile(r"[0-9a-f]{64}")
_GHOST = re.compile(r"sha256=([0-9a-f]{64}), ?t=([0-9]{1,15})")
_SANITY = re.compile(r"t=([0-9]{1,15}),v1=([A-Za-z0-9_-]{43})=?")
_DRUPAL = re.compile(r"(sha1)=([0-9a-f]{40})|(sha256)=([0-9a-f]{64})")
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]{1,100}")


@dataclass(frozen=True)
class Request:
    """What came, as it came: header names lower-cased, `path` the public one with its query."""

    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    path: str = ""


@dataclass(frozen=True)
class Verified:
    """`matched`: index of the secret that fits, 0 being the current one. The two flags are the
    badges of the source: a bearer token proves the caller, not the text; without a signed time an
    old request can be sent again."""

    matched: int
    is_signed: bool
    is_replay_protected: bool
    delivery_id: str | None


# (request, secret, now, identifier) → the delivery id that the signature covers, if any
Check = Callable[[Request, str, datetime, str], str | None]


@dataclass(frozen=True)
class Scheme:
    """One way of proving who posts."""

    check: Check
    is_signed: bool = True
    is_timed: bool = False


def verify(
    scheme: str,
    request: Request,
    secrets: Sequence[str],
    now: datetime,
    identifier: str = "",
) -> Verified:
    """Check a request against the live secrets: the current one first, then the previous.

    Args:
        scheme: a name of `SCHEMES`.
        request: headers and raw body.
        secrets: live secrets; an empty one never fits, since anybody could sign with it.
        now: aware time, for the window of ±5 minutes where the scheme signs a time.
        identifier: TYPO3 only, the webhook's identifier as the source's settings have it.

    Raises:
        SignatureError: for every cause; the caller never says which.
    """
    found = SCHEMES.get(scheme)
    if found is None:
        raise SignatureError
    for index, secret in enumerate(secrets):
        if not secret:
            continue
        try:
            delivery_id = found.check(request, secret, now, identifier)
        except (SignatureError, ValueError):  # ValueError: no base64, no UTF-8, no number
            continue
        return Verified(index, found.is_signed, found.is_timed, delivery_id)
    raise SignatureError


def _standard(request: Request, secret: str, now: datetime, _identifier: str) -> str:
    """Standard Webhooks 1.0: `id.timestamp.body`, seconds; the id is signed."""
    return verify_standard(request.headers, request.body, secret, now)


def _ghost(request: Request, secret: str, now: datetime, _identifier: str) -> str:
    """Ghost: body then t. The same request again has the same signature, so that is its id."""
    signature, stamp = _match(_GHOST, _header(request, "x-ghost-signature"))
    _check_ms(stamp, now)
    _compare(_hex(secret, request.body + stamp.encode()), signature)
    return signature


def _ghost_body(request: Request, secret: str, _now: datetime, _identifier: str) -> None:
    """Older Ghost signs the body alone: t is there, but anybody may change it."""
    signature, _stamp = _match(_GHOST, _header(request, "x-ghost-signature"))
    _compare(_hex(secret, request.body), signature)


def _wordpress(request: Request, secret: str, _now: datetime, _identifier: str) -> None:
    """WP Webhooks: base64 of the HMAC over the body."""
    digest = hmac.digest(secret.encode(), request.body, "sha256")
    given = _header(request, "x-wp-webhook-signature")
    _compare(base64.b64encode(digest).decode(), given)


def _contentful(request: Request, secret: str, now: datetime, _identifier: str) -> str:
    """Contentful: method, path, `name:value` joined by `;`, body; a line each.

    The list of signed headers is the caller's to choose, so it must hold itself and the time.
    """
    names = _header(request, "x-contentful-signed-headers").lower().split(",")
    stamp = _header(request, "x-contentful-timestamp")
    if not {"x-contentful-signed-headers", "x-contentful-timestamp"} <= set(names):
        raise SignatureError
    if len(names) > MAX_SIGNED_HEADERS:
        raise SignatureError
    if not all(_HEADER_NAME.fullmatch(name) and name in request.headers for name in names):
        raise SignatureError
    _check_ms(stamp, now)
    listed = ";".join(f"{name}:{_header(request, name)}" for name in names)
    signed = f"{request.method}\n{request.path}\n{listed}\n".encode() + request.body
    signature = _header(request, "x-contentful-signature")
    _compare(_hex(secret, signed), signature)
    return signature


def _sanity(request: Request, secret: str, now: datetime, _identifier: str) -> str:
    """Sanity: `t.body`, milliseconds, base64url without padding."""
    stamp, signature = _match(_SANITY, _header(request, "sanity-webhook-signature"))
    _check_ms(stamp, now)
    digest = hmac.digest(secret.encode(), stamp.encode() + b"." + request.body, "sha256")
    _compare(base64.urlsafe_b64encode(digest).decode().rstrip("="), signature)
    return signature


def _typo3(request: Request, secret: str, _now: datetime, identifier: str) -> None:
    """TYPO3: `identifier:body`; the identifier is the webhook's setting, not that in the body."""
    signature = _header(request, "webhook-signature")
    if not identifier or not _HEX256.fullmatch(signature):
        raise SignatureError
    _compare(_hex(secret, identifier.encode() + b":" + request.body), signature)


def _drupal(request: Request, secret: str, _now: datetime, _identifier: str) -> None:
    """Drupal's module webhooks: SHA-1 over the body; SHA-256 where a newer one sends it."""
    found = _DRUPAL.fullmatch(_header(request, "x-hub-signature"))
    if found is None:
        raise SignatureError
    algorithm, signature = filter(None, found.groups())
    digest = hmac.new(secret.encode(), request.body, getattr(hashlib, algorithm)).hexdigest()
    _compare(digest, signature)


def _bearer(request: Request, secret: str, _now: datetime, _identifier: str) -> None:
    """RFC 6750, section 2.1: the token alone. Nothing is signed."""
    kind, _, token = _header(request, "authorization").partition(" ")
    if kind.lower() != "bearer":
        raise SignatureError
    _compare(secret, token.strip())


SCHEMES: Mapping[str, Scheme] = MappingProxyType(
    {
        "standard": Scheme(_standard, is_timed=True),
        "ghost": Scheme(_ghost, is_timed=True),
        "ghost-body": Scheme(_ghost_body),
        "wordpress": Scheme(_wordpress),
        "contentful": Scheme(_contentful, is_timed=True),
        "sanity": Scheme(_sanity, is_timed=True),
        "typo3": Scheme(_typo3),
        "drupal": Scheme(_drupal),
        "bearer": Scheme(_bearer, is_signed=False),
    }
)


def _header(request: Request, name: str) -> str:
    value = request.headers.get(name, "")
    if len(value) > MAX_HEADER:
        raise SignatureError
    return value


def _match(pattern: re.Pattern[str], header: str) -> tuple[str, str]:
    found = pattern.fullmatch(header)
    if found is None:
        raise SignatureError
    return found[1], found[2]


def _check_ms(stamp: str, now: datetime) -> None:
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 15:
        raise SignatureError
    if abs(now.timestamp() - int(stamp) / 1000) > WINDOW_S:
        raise SignatureError


def _hex(secret: str, signed: bytes) -> str:
    return hmac.digest(secret.encode(), signed, "sha256").hex()


def _compare(expected: str, given: str) -> None:
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise SignatureError
