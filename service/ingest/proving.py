"""Who posts: the source, its live secrets, and the proof that a request carries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from flask import g, request
from sqlalchemy import select

from service.ingest.clock import present
from service.ingest.payload import MAX_BODY_BYTES
from service.ingest.schemes import Request, verify
from service.ingest.signatures import SignatureError
from service.models import Source
from service.problems import Problem
from service.runtime import Runtime

MATCHED = ("current", "previous")


@dataclass(frozen=True)
class Proven:
    """A request that comes from the source. `delivery_id`: what the signature covers, if any."""

    source: Source
    body: bytes
    headers: Mapping[str, str]
    matched: str
    delivery_id: str | None
    at: datetime


def find_source(runtime: Runtime, slug: str) -> Source:
    """Raises Problem 404 for an unknown one."""
    source = None
    if "\0" not in slug:  # PostgreSQL refuses even to look for it
        with runtime.db.read() as session:
            source = session.scalar(select(Source).where(Source.slug == slug))
    if source is None:
        raise Problem(404, "Unknown source", f"No source is called {slug!r}. Check the address.")
    return source


def read_body() -> bytes:
    """The raw bytes. Raises Problem 415 or 413."""
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json"):
        raise Problem(
            415, "Unsupported Media Type", "Send JSON with Content-Type: application/json."
        )
    body = b""
    if (request.content_length or 0) <= MAX_BODY_BYTES:
        request.max_content_length = MAX_BODY_BYTES + 1  # forms have a lower one
        body = request.stream.read(MAX_BODY_BYTES + 1)
    if (not body and request.content_length) or len(body) > MAX_BODY_BYTES:
        raise Problem(413, "Content Too Large", f"The body is over {MAX_BODY_BYTES} bytes.")
    return body


def prove(runtime: Runtime, source: Source, body: bytes) -> Proven:
    """Verify the request by the source's scheme. Raises Problem 401, the same for every cause."""
    now = present(runtime.settings)
    headers = {name.lower(): value for name, value in request.headers.items()}
    sent = Request(headers, body, request.method, _public_path(runtime, source))
    try:
        found = verify(source.scheme, sent, _secrets(runtime, source, now), now, source.identifier)
    except SignatureError:
        raise Problem(
            401,
            "Not verified",
            "The signature or token is missing, wrong or older than 5 minutes. Check the secret, "
            "the clock, and that the body is signed as it is sent.",
        ) from None
    return Proven(source, body, headers, MATCHED[found.matched], found.delivery_id, now)


def check_rate(runtime: Runtime, source: Source) -> None:
    """Raises Problem 429. Without Redis the limit is not counted: the door stays open.

    Counted after the signature: a stranger must not use up what the CMS may send. Counted once,
    though a request that turns out not to be usual is looked at again.
    """
    if g.get("rate_kept") == source.rate_per_minute:
        return
    limit, key = f"{source.rate_per_minute}/minute", f"source:{source.slug}"
    if not runtime.limits.allow(limit, key, fails_open=True):
        raise Problem(
            429,
            "Too Many Requests",
            f"More than {source.rate_per_minute} requests in a minute. Send the rest later.",
            headers={"Retry-After": "60"},
        )
    g.rate_kept = source.rate_per_minute


def take_back_rate(runtime: Runtime, source: Source) -> None:
    """The request was counted for what the source was before, and is not its own now."""
    if amount := g.pop("rate_kept", None):
        runtime.limits.take_back(f"{amount}/minute", f"source:{source.slug}")


def _secrets(runtime: Runtime, source: Source, now: datetime) -> list[str]:
    """The current secret and, for seven days after a rotation, the one before."""
    sealed = [source.sealed_secret]
    if source.sealed_previous_secret and source.previous_until and now < source.previous_until:
        sealed.append(source.sealed_previous_secret)
    return [runtime.vault.secret(one) if one else "" for one in sealed]


def _public_path(runtime: Runtime, source: Source) -> str:
    """Path and query as the sender knows them, percent-encoded as they were sent.

    Only Contentful signs them; where a proxy rewrites the path, the source's identifier names it.
    """
    if source.scheme == "contentful" and source.identifier:
        return source.identifier
    raw = request.environ.get("RAW_URI") or request.environ.get("REQUEST_URI")
    path = str(raw or request.full_path.rstrip("?"))
    return urlsplit(runtime.settings.public_url).path.rstrip("/") + path
