"""Signs any body as the CMSs do: headers for each scheme of `service.ingest.schemes`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable

IDENTIFIER = "webhook-of-the-test"  # TYPO3 signs that of the webhook, Contentful its path
_Headers = dict[str, str]


def sign(scheme: str, secret: str, body: bytes, delivery_id: str) -> _Headers:
    """Headers that prove the body to come from whoever knows the secret, now."""
    return SIGNERS[scheme](secret, body, delivery_id)


def _hex(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def _milliseconds() -> str:
    return str(int(time.time() * 1000))


def _standard(secret: str, body: bytes, delivery_id: str) -> _Headers:
    stamp, key = str(int(time.time())), base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join((delivery_id.encode(), stamp.encode(), body))
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "webhook-id": delivery_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }


def _ghost(secret: str, body: bytes, _delivery_id: str) -> _Headers:
    stamp = _milliseconds()
    return {"X-Ghost-Signature": f"sha256={_hex(secret, body + stamp.encode())}, t={stamp}"}


def _wordpress(secret: str, body: bytes, _delivery_id: str) -> _Headers:
    digest = hmac.digest(secret.encode(), body, "sha256")
    return {"X-WP-Webhook-Signature": base64.b64encode(digest).decode()}


def _contentful(secret: str, body: bytes, _delivery_id: str) -> _Headers:
    headers = {
        "x-contentful-timestamp": _milliseconds(),
        "x-contentful-signed-headers": "x-contentful-timestamp,x-contentful-signed-headers",
    }
    listed = ";".join(f"{name}:{value}" for name, value in headers.items())
    signed = f"POST\n{IDENTIFIER}\n{listed}\n".encode() + body
    return {**headers, "x-contentful-signature": _hex(secret, signed)}


def _sanity(secret: str, body: bytes, _delivery_id: str) -> _Headers:
    stamp = _milliseconds()
    digest = hmac.digest(secret.encode(), stamp.encode() + b"." + body, "sha256")
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return {"sanity-webhook-signature": f"t={stamp},v1={signature}"}


def _typo3(secret: str, body: bytes, _delivery_id: str) -> _Headers:
    return {"Webhook-Signature": _hex(secret, IDENTIFIER.encode() + b":" + body)}


def _drupal(secret: str, body: bytes, delivery_id: str) -> _Headers:
    signature = hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
    return {"X-Hub-Signature": f"sha1={signature}", "X-Drupal-Delivery": delivery_id}


def _bearer(secret: str, _body: bytes, _delivery_id: str) -> _Headers:
    return {"Authorization": f"Bearer {secret}"}


SIGNERS: dict[str, Callable[[str, bytes, str], _Headers]] = {
    "standard": _standard,
    "ghost": _ghost,
    "wordpress": _wordpress,
    "contentful": _contentful,
    "sanity": _sanity,
    "typo3": _typo3,
    "drupal": _drupal,
    "bearer": _bearer,
}
