"""Fetching a document that a source named: its own hosts, https, bounded, never inside the network.

A host that the operator listed as internal may be reached by plain http too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import requests

from service.logs import get_logger
from service.outbound.guard import GuardPolicy
from service.outbound.retry_after import seconds_asked
from service.outbound.session import Exchange, GuardedSession

log = get_logger(__name__)

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PORTS = {"https": 443, "http": 80}


class FetchRefused(Exception):
    """The address must not be reached; trying again changes nothing."""


class FetchFailed(Exception):
    """No answer that can be used; another try may have one. `retry_after_s` is what the other side
    asked for, if it did."""

    def __init__(self, reason: str, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class _PageSession(GuardedSession):
    max_bytes = 2 * 1024 * 1024
    deadline_s = 10.0


@dataclass(frozen=True)
class Fetched:
    """An answer below 500. `url` is where it came from in the end."""

    url: str
    status: int
    content: bytes = field(repr=False)
    media_type: str = ""
    charset: str | None = None
    etag: str = ""
    last_modified: str = ""


def origin_of(url: str) -> str:
    """`https://host:port`, lower case, the port always there. Raises ValueError for no address."""
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("must be an absolute https address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or PORTS[parts.scheme]}"


def fetch(
    url: str,
    origins: Collection[str],
    internal_hosts: tuple[str, ...],
    *,
    user_agent: str,
    headers: Mapping[str, str] | None = None,
    secret_headers: Mapping[str, str] | None = None,
    secret_origin: str = "",
) -> Fetched:
    """GET a document.

    Args:
        url: what to get.
        origins: from where alone; a redirect leads nowhere else.
        internal_hosts: those that the operator lets be reached inside the network.
        user_agent: who asks, with an address where to complain.
        headers: such as those of a conditional request.
        secret_headers: such as a token; they go to `secret_origin` alone.

    Raises:
        FetchRefused: not one of the origins, not https, or an address inside the network.
        FetchFailed: no connection, a time-out, 429 or 5xx, or more than 2 MiB.
    """
    sent = {"User-Agent": user_agent, **(headers or {})}
    origin = _checked(url, origins, internal_hosts)
    for _ in range(MAX_REDIRECTS + 1):
        secrets = secret_headers if secret_headers and origin == secret_origin else {}
        response = _get(url, {**sent, **secrets}, internal_hosts)
        target = response.headers.get("Location")
        if response.status_code not in REDIRECTS or not target:
            return _fetched(url, response)
        try:
            url = urljoin(url, target)
        except ValueError as error:
            raise FetchFailed(f"{_host(url)} leads to no address") from error
        origin = _checked(url, origins, internal_hosts)
    raise FetchFailed(f"more than {MAX_REDIRECTS} redirects")


def _checked(url: str, origins: Collection[str], internal_hosts: tuple[str, ...]) -> str:
    """The origin of an address that may be asked."""
    try:
        origin, parts = origin_of(url), urlsplit(url)
    except ValueError as error:
        raise _refused(url, "it is no https address") from error
    is_internal = (parts.hostname or "") in {host.lower() for host in internal_hosts}
    if parts.username is not None or parts.password is not None:
        raise _refused(url, "it holds a name or a password")
    if parts.scheme != "https" and not is_internal:
        raise _refused(url, "it is not https")
    if origin not in origins:
        raise _refused(url, f"{origin} is not one of the source's own addresses")
    return origin


def _refused(url: str, reason: str) -> FetchRefused:
    log.warning("fetch refused", host=_host(url), reason=reason)
    return FetchRefused(reason)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _get(url: str, headers: dict[str, str], internal_hosts: tuple[str, ...]) -> requests.Response:
    policy = GuardPolicy(internal_hosts)
    exchanges: list[Exchange] = []
    try:
        with _PageSession(policy, exchanges.append) as session:
            response = session.get(url, headers=headers, timeout=session.deadline_s)
    except requests.RequestException as error:
        if policy.has_refused:
            raise FetchRefused(f"{_host(url)} has no address that may be reached") from error
        raise FetchFailed(f"{_host(url)}: {type(error).__name__}") from error
    except (ValueError, OSError) as error:  # what requests lets through of odd URLs and answers
        raise FetchFailed(f"{_host(url)}: {type(error).__name__}") from error
    if policy.has_hung_up:
        raise FetchFailed(f"{_host(url)} took longer than {_PageSession.deadline_s:g} s")
    if response.status_code == 429 or response.status_code >= 500:
        raise FetchFailed(
            f"{_host(url)} answered {response.status_code}",
            seconds_asked(response.headers.get("Retry-After")),
        )
    if len(response.content) > _PageSession.max_bytes:
        raise FetchFailed(f"{_host(url)} answered with more than {_PageSession.max_bytes} bytes")
    return response


def _fetched(url: str, response: requests.Response) -> Fetched:
    media_type, _, rest = response.headers.get("Content-Type", "").partition(";")
    _, has_charset, charset = rest.lower().partition("charset=")
    return Fetched(
        url=url,
        status=response.status_code,
        content=response.content,
        media_type=media_type.strip().lower(),
        charset=charset.strip(" \"'") if has_charset else None,
        etag=response.headers.get("ETag", ""),
        last_modified=response.headers.get("Last-Modified", ""),
    )
