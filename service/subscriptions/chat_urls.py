"""Apprise URLs that staff paste: checked, cleaned and masked before anything is stored.

Nothing here talks to the network. The address filter that counts runs when a message is sent; here
an obvious mistake gets a clear sentence early (reliability guide, section 5).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from service.outbound import is_public
from service.settings import Settings

# Plugins that run programs, read files or talk to this machine. No setting lifts this refusal.
NEVER = frozenset(
    {
        "dbus",
        "exec",
        "file",
        "glib",
        "gnome",
        "growl",
        "kde",
        "macosx",
        "plugin",
        "qt",
        "shell",
        "syslog",
        "windows",
    }
)
# Behaviour that Tellal owns: retries, time limits, certificates, cutting of long texts.
STRIPPED = frozenset({"retry", "wait", "overflow", "verify", "redirect", "rto", "cto", "attach"})
# Parameters that make a plugin read a file or another address and send its content.
FORBIDDEN = frozenset({"template", "config", "include"})
# Schemes whose first part is the address of a server; elsewhere that part may be a token.
HOSTED = frozenset(
    {
        "json",
        "jsons",
        "matrix",
        "matrixs",
        "mmost",
        "mmosts",
        "ntfy",
        "ntfys",
        "rocket",
        "rockets",
        "workflow",
        "workflows",
    }
)
MAX_LENGTH = 2_000

_SHAPE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([!-~]+)")


class ChannelError(ValueError):
    """A channel cannot be added. The text is one sentence with `%(name)s` marks for values, so
    that a page can say it in the reader's language; the field is what to mend."""

    def __init__(self, text: str, field: str = "url", **values: str) -> None:
        super().__init__(text % values)
        self.text, self.field, self.values = text, field, values


def N_(text: str) -> str:  # noqa: N802
    """Mark a sentence for the catalogue; the page translates it."""
    return text


@dataclass(frozen=True)
class ChatUrl:
    """A URL fit to be sealed, and what of it may be shown."""

    url: str
    scheme: str
    masked: str


def parse_chat_url(text: str, settings: Settings) -> ChatUrl:
    """Check and clean a pasted URL.

    Raises:
        ChannelError: refused; the sentence says why and never repeats the URL.
    """
    shape = _SHAPE.fullmatch(text.strip())
    if shape is None or len(text) > MAX_LENGTH:
        raise ChannelError(
            N_("Write one address like slack://… without spaces, in plain letters, up to 2,000.")
        )
    scheme = shape[1].lower()
    if scheme in NEVER:
        raise ChannelError(
            N_("%(scheme)s:// is never allowed: it acts on the server itself."), scheme=scheme
        )
    if scheme not in settings.chat_schemes:
        raise ChannelError(
            N_("%(scheme)s:// is not allowed. Allowed are: %(allowed)s."),
            scheme=scheme,
            allowed=", ".join(settings.chat_schemes),
        )
    base, _, query = shape[2].partition("?")
    if "://" in base:
        raise ChannelError(N_("Write one address, not several."))
    host = _host(scheme, base)
    if host:
        _refuse_private(host, settings.allow_private_hosts)
    kept = _clean(query)
    return ChatUrl(
        url=f"{scheme}://{base}" + (f"?{kept}" if kept else ""),
        scheme=scheme,
        masked=f"{scheme}://{host}/***" if host else f"{scheme}://***",
    )


def require_one_target(url: str) -> None:
    """Let Apprise read the URL, without sending anything, and count its targets.

    Several targets in one URL would share one answer, so that nobody could say which of them got
    the message. The import is here because it takes 0.4 s and 45 MB that other pages never need.

    Raises:
        ChannelError: Apprise does not understand it, or it has not exactly one target.
    """
    from apprise import Apprise

    plugin = Apprise.instantiate(url)
    if plugin is None:
        raise ChannelError(N_("This address is incomplete: a token or a target is missing."))
    if len(plugin) != 1:
        raise ChannelError(N_("One channel has one room: add one channel for each."))


def _clean(query: str) -> str:
    """Drop the parameters that Tellal owns. Apprise splits at "&" and ";", so we do."""
    kept = []
    for part in re.split("[&;]", query):
        name = unquote(part.partition("=")[0]).strip().lower()
        if name in FORBIDDEN:
            raise ChannelError(
                N_("The parameter %(name)s is not allowed: it reads files."), name=name
            )
        if part and name not in STRIPPED:
            kept.append(part)
    return "&".join(kept)


def _host(scheme: str, base: str) -> str:
    """The server's name where the scheme has one, else nothing: tokens must not pass for it."""
    if scheme not in HOSTED:
        return ""
    try:
        host = urlsplit(f"//{base}").hostname or ""
    except ValueError:
        raise ChannelError(N_("The server’s name in this address cannot be read.")) from None
    has_path = "/" in base.partition("#")[0].rstrip("/")
    is_token = "." not in host and ":" not in host and host != "localhost"
    if scheme in ("matrix", "matrixs", "ntfy", "ntfys") and is_token and not has_path:
        return ""  # matrix://token and ntfy://topic name no server
    if "%" in host:
        raise ChannelError(N_("The server’s name in this address cannot be read."))
    return host


def _refuse_private(host: str, allowed: tuple[str, ...]) -> None:
    if host in allowed:
        return
    address = _literal(host)
    is_local_name = "." not in host.rstrip(".") or host.rstrip(".").endswith(
        (".localhost", ".local", ".internal", ".localdomain")
    )
    if not is_public(str(address)) if address is not None else is_local_name:
        raise ChannelError(
            N_(
                "%(host)s is an internal address. An operator can allow it in "
                "TELLAL_ALLOW_PRIVATE_HOSTS."
            ),
            host=host,
        )


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that a host spells, also as 0x7f000001, 2130706433 or 127.1."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        try:
            return ipaddress.IPv4Address(socket.inet_aton(host))  # parses only, asks nobody
        except OSError:
            return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address
