"""Addresses that staff paste: checked, cleaned and masked before anything is stored.

Nothing here talks to the network. The address filter that counts runs when a message is sent; here
an obvious mistake gets a clear sentence early (reliability guide, section 5).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from service.settings import Settings
from service.subscriptions.channel_error import N_, ChannelError
from service.subscriptions.chat_hosts import NONE, Server, refuse_inside, server_of
from service.subscriptions.chat_schemes import (
    FILES,
    NEVER,
    PLAIN_WEBHOOK,
    WEB_HOSTS,
    WEBHOOK,
    WEBHOOKS,
)
from service.subscriptions.matrix_rooms import room_of

__all__ = ["N_", "ChannelError", "ChatUrl", "parse_chat_url", "require_one_target"]

# Behaviour that Tellal owns: retries, time limits, certificates, how texts are cut and written.
STRIPPED = frozenset(
    {
        *("retry", "wait", "overflow", "verify", "redirect", "rto", "cto", "attach"),
        *("format", "emojis", "interpret", "store", "tz"),
    }
)
# Parameters that make a plugin read a file or another address and send its content.
FORBIDDEN = frozenset({"template", "config", "include", "keyfile", "subfile"})
# Headers that say where a request ends, or to whom it goes.
HEADERS = frozenset(
    {
        *("host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te"),
        *("trailer", "keep-alive", "proxy-authorization", "proxy-connection", "forwarded"),
    }
)
MAX_LENGTH = 2_000
MOST_LAYERS = 3  # of %-encoding that are looked through

_SHAPE = re.compile(r"([A-Za-z0-9][A-Za-z0-9+.-]{0,19})://([!-~]*)")
_SECOND = re.compile(r"[,;|][A-Za-z0-9+.-]{1,20}:/")
_NAME = re.compile(r"[+:-]?[A-Za-z0-9_.-]{1,100}")
_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True)
class ChatUrl:
    """A URL fit to be sealed, and what of it may be shown.

    `url` of a webhook begins with `webhook://`, which stands for https.
    """

    url: str
    scheme: str
    masked: str


def parse_chat_url(text: str, settings: Settings) -> ChatUrl:
    """Check and clean a pasted URL. A web address (https://…) is that of a webhook.

    Raises:
        ChannelError: refused; the sentence says why and never repeats the URL.
    """
    shape = _SHAPE.fullmatch(text.strip()) if len(text) <= MAX_LENGTH else None
    if shape is None:
        raise _shapeless()
    scheme = shape[1].lower()
    base, _, query = shape[2].partition("?")
    if scheme in ("http", "https"):
        return _webhook(shape[2], settings, is_plain=scheme == "http")
    if scheme == WEBHOOK:
        return _webhook(shape[2], settings)
    _require_allowed(scheme, settings)
    if not base:
        raise _shapeless()
    _refuse_hidden(shape[2])
    if "://" in base or _SECOND.search(shape[2]):
        raise ChannelError(N_("Write one address, not several."))
    if "\\" in base:
        raise ChannelError(N_("An address has no \\ in it: servers take it for different signs."))
    server = server_of(scheme, base)
    if server is not NONE:
        refuse_inside(server.host, settings.allow_private_hosts)
    kept = _clean(query)
    url = f"{scheme}://{base}" + (f"?{kept}" if kept else "")
    if scheme in ("matrix", "matrixs") and room_of(url) is None:
        raise ChannelError(
            N_("Write a Matrix room as matrixs://token@server/#room: no bridge, no encryption.")
        )
    return ChatUrl(
        url=url,
        scheme=scheme,
        masked=f"{scheme}://{_shown(server)}/***" if server.host else f"{scheme}://***",
    )


def _webhook(rest: str, settings: Settings, *, is_plain: bool = False) -> ChatUrl:
    """A developer's address. Its path and query are sent as they are: only the server is checked.

    Raises:
        ChannelError: refused.
    """
    _require_allowed(WEBHOOK, settings)
    _refuse_hidden(rest)
    if _SECOND.search(rest):
        raise ChannelError(N_("Write one address, not several."))
    if "\\" in rest:
        raise ChannelError(N_("An address has no \\ in it: servers take it for different signs."))
    if "#" in rest:
        raise ChannelError(N_("Leave out what stands behind #: no server ever gets to see it."))
    path_at = min(at for at in (rest.find("/"), rest.find("?"), len(rest)) if at >= 0)
    authority, path = rest[:path_at], rest[path_at:]
    server = server_of(WEBHOOK, authority)
    if server.has_login:
        raise ChannelError(
            N_("Leave out name and password: a webhook proves by its signature who sends it.")
        )
    if service := WEB_HOSTS.get(server.host.rstrip(".").removeprefix("www.")):
        raise ChannelError(
            N_("This is an address of a chat service: write it as %(scheme)s://…"), scheme=service
        )
    refuse_inside(server.host, settings.allow_private_hosts)
    if is_plain and server.host not in {one.lower() for one in settings.allow_private_hosts}:
        raise ChannelError(N_("A webhook’s address begins with https://, so that nobody listens."))
    path = path if path.startswith("/") else f"/{path}"
    scheme = PLAIN_WEBHOOK if is_plain else WEBHOOK
    return ChatUrl(f"{scheme}://{authority}{path}", WEBHOOK, f"{WEBHOOK}://{_shown(server)}/***")


def require_one_target(url: str) -> None:
    """Let Apprise read the URL, without sending anything, and count its targets.

    Several targets in one URL would share one answer, so that nobody could say which of them got
    the message. The import is here because it takes 0.4 s and 45 MB that other pages never need.

    Raises:
        ChannelError: Apprise does not understand it, or it has not exactly one target.
    """
    if url.partition("://")[0] in WEBHOOKS:
        return
    from apprise import Apprise

    plugin = Apprise.instantiate(url)
    if plugin is None:
        raise ChannelError(N_("This address is incomplete: a token or a target is missing."))
    if len(plugin) != 1:
        raise ChannelError(N_("One channel has one room: add one channel for each."))


def _shapeless() -> ChannelError:
    return ChannelError(
        N_("Write one address like slack://… without spaces, in plain letters, up to 2,000.")
    )


def _require_allowed(scheme: str, settings: Settings) -> None:
    if scheme in FILES:
        raise ChannelError(N_("%(scheme)s:// is never allowed: it reads files."), scheme=scheme)
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


def _refuse_hidden(text: str) -> None:
    """Refuse what no reader sees: control characters and the like behind %-encoding, which end a
    line or a name for one program and not for the next. Services decode more than once."""
    if _ESCAPE.search(text):
        raise ChannelError(N_("A percent sign in this address has no two digits behind it."))
    for _ in range(MOST_LAYERS):
        text = unquote(text) if "%" in text else text
        if not text.isprintable() or "\ufffd" in text:
            raise ChannelError(N_("This address hides signs that cannot be printed."))


def _clean(query: str) -> str:
    """Drop the parameters that Tellal owns. Apprise splits at "&" and ";", so we do."""
    kept = []
    for part in re.split("[&;]", query):
        if not part:
            continue
        written, _, value = part.partition("=")
        name = unquote(written).strip().lower()
        if name in FORBIDDEN:
            raise ChannelError(
                N_("The parameter %(name)s is not allowed: it reads files."), name=name
            )
        if not _NAME.fullmatch(name):
            raise ChannelError(N_("A parameter of this address has no plain name."))
        if name[1:] in HEADERS and name[0] == "+":
            raise ChannelError(
                N_("The header %(name)s is not allowed: it rules the connection."), name=name[1:]
            )
        if re.match(r"\s*file:", unquote(value), re.ASCII | re.IGNORECASE):
            raise ChannelError(N_("A parameter of this address names a file."))
        if name not in STRIPPED:
            kept.append(part)
    return "&".join(kept)


def _shown(server: Server) -> str:
    return f"[{server.host}]" if ":" in server.host else server.host
