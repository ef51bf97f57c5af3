"""Our WebSub hub: what a subscriber's request asks, and what of it is refused (W3C WebSub, 5.1).

Whoever asks is a stranger, and so is the callback that they name: the hub must not be made to send
requests to places that never asked for any. So the form of a callback is looked at here, how often
somebody may ask by the routes, and the address behind its name when a worker connects.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import SplitResult, unquote, urlsplit

from service.feeds.clock import FeedState
from service.feeds.feed import Publisher, find
from service.feeds.formats import Format
from service.feeds.keys import MAX_PLACES, MAX_TOPICS, FeedKey, KeyTooLongError
from service.models import HubMode
from service.outbound import is_public

MAX_CALLBACK = 2_000  # characters
MAX_SECRET = 200  # bytes; a secret has fewer (section 5.1)
PORTS = frozenset({80, 443, *range(8000, 9000)})  # where people serve the web
KNOWN = ("hub.mode", "hub.callback", "hub.topic", "hub.lease_seconds", "hub.secret")
_PRINTABLE = re.compile(r"[!-~]+")
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?")  # the last label of an address in disguise
_INNER = (".localhost", ".local", ".internal", ".lan", ".home.arpa")


class HubRefusal(ValueError):
    """The hub does not do what was asked; the text says why."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Callback:
    """Where a subscriber wants to be called. Its path and query may hold a token."""

    url: str = field(repr=False)
    host: str


@dataclass(frozen=True)
class Asked:
    """What a request asks, once nothing of it is to be refused."""

    mode: HubMode
    callback: Callback
    key: FeedKey
    format: Format
    lease_s: int
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Leases:
    """How long a subscription lasts, in seconds: where nobody asks for a time, and within what."""

    usual_s: int
    least_s: int
    most_s: int

    def of(self, text: str) -> int:
        """The lease that somebody gets who asks for this one (section 5.1: the hub decides)."""
        if not text:
            return self.usual_s
        if not re.fullmatch("[0-9]{1,12}", text, re.ASCII):
            raise HubRefusal("hub.lease_seconds must be a number of seconds.")
        return min(max(int(text), self.least_s), self.most_s)


def read(
    form: Mapping[str, Sequence[str]],
    publisher: Publisher,
    state: FeedState,
    leases: Leases,
    internal_hosts: Collection[str],
) -> Asked:
    """Read a request; parameters that are not known are ignored.

    Args:
        form: the values of each parameter.
        internal_hosts: those inside the network that the operator lets strangers have called.

    Raises:
        HubRefusal: it cannot be done, for the reason that its text says.
    """
    values = {name: _single(form, name) for name in KNOWN}
    mode = _mode(values["hub.mode"])
    callback = read_callback(values["hub.callback"], internal_hosts)
    key, format_ = read_topic(values["hub.topic"], publisher)
    if mode is HubMode.SUBSCRIBE and find(publisher, state, key) is None:
        raise HubRefusal("hub.topic names a topic or a place that is not known.", 404)
    secret = values["hub.secret"]
    if len(secret.encode()) >= MAX_SECRET:
        raise HubRefusal(f"hub.secret must have fewer than {MAX_SECRET} bytes.")
    lease_s = leases.of(values["hub.lease_seconds"])
    return Asked(mode, callback, key, format_, lease_s, secret or None)


def read_callback(text: str, internal_hosts: Collection[str]) -> Callback:
    """A callback that may be called, as far as its form tells.

    Raises:
        HubRefusal: no address of the web, or one that is not for strangers to name.
    """
    if not text:
        raise HubRefusal("hub.callback is missing.")
    if len(text) > MAX_CALLBACK:
        raise HubRefusal(f"hub.callback is longer than {MAX_CALLBACK} characters.")
    if not _PRINTABLE.fullmatch(text):
        raise HubRefusal("hub.callback must be percent-encoded ASCII without spaces.")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        raise HubRefusal("hub.callback is no web address.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise HubRefusal("hub.callback must be an http or https address.")
    if parts.username is not None or parts.password is not None:
        raise HubRefusal("hub.callback must hold no user name or password.")
    if "#" in text:
        raise HubRefusal("hub.callback must have no fragment.")
    if host not in {one.lower() for one in internal_hosts}:
        _check_host(parts, host, port)
    return Callback(text, host)


def read_topic(text: str, publisher: Publisher) -> tuple[FeedKey, Format]:
    """The feed of ours that a topic's address names.

    Raises:
        HubRefusal: another address, or not the one that the feed itself gives as rel=self.
    """
    if not text:
        raise HubRefusal("hub.topic is missing.")
    start = f"{publisher.base_url}/feeds/"
    rest = text.removeprefix(start)
    name, dot, suffix = rest.rpartition(".")
    is_ours = text.startswith(start) and bool(dot) and "/" not in rest
    if not is_ours or suffix not in set(Format):
        raise HubRefusal(
            f"hub.topic must be one of our feeds, {start}….rss, .atom or .json: this hub serves"
            " no others, and no archive or private feed."
        )
    try:
        key = FeedKey.read(unquote(name))
    except KeyTooLongError:
        raise HubRefusal(
            f"hub.topic joins more than {MAX_TOPICS} topics or {MAX_PLACES} places."
        ) from None
    if key is None:
        raise HubRefusal("hub.topic is no feed of ours.", 404)
    if name != str(key):
        raise HubRefusal(f"The address of this topic is {start}{key}.{suffix}: subscribe to that.")
    return key, Format(suffix)


def _single(form: Mapping[str, Sequence[str]], name: str) -> str:
    values = form.get(name, ())
    if len(values) > 1:
        raise HubRefusal(f"{name} is there more than once.")
    return values[0] if values else ""


def _mode(text: str) -> HubMode:
    if not text:
        raise HubRefusal("hub.mode is missing.")
    if text == "publish":
        raise HubRefusal(
            "Only the city publishes here, and its hub hears of every change by itself.", 403
        )
    try:
        return HubMode(text)
    except ValueError:
        raise HubRefusal("hub.mode must be subscribe or unsubscribe.") from None


def _check_host(parts: SplitResult, host: str, port: int | None) -> None:
    """Refuse what cannot be a host of the public web; names are looked up by whoever connects."""
    if port is not None and port not in PORTS:
        raise HubRefusal("hub.callback may use the ports 80, 443 and 8000 to 8999.", 403)
    inside = HubRefusal("hub.callback is not on the public internet.", 403)
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        is_name = "." in host and not _NUMERIC.fullmatch(host.rpartition(".")[2])
        if not is_name or host.endswith(_INNER) or "[" in parts.netloc:
            raise inside from None
    else:
        if not is_public(host):
            raise inside
