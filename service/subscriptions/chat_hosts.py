"""The server of a channel's address: read strictly, and refused where it is plainly inside.

Nothing is looked up here. What a name leads to is checked when a message is sent, at every
connection (`service.outbound.guard`).
"""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from service.outbound import is_public
from service.subscriptions.channel_error import N_, ChannelError
from service.subscriptions.chat_schemes import HOSTED, MAYBE_HOSTED

INSIDE = (  # names that no public name server answers for (RFC 6761, RFC 8375, and habit)
    *("localhost", "local", "internal", "localdomain", "lan", "home", "corp", "intranet"),
    *("private", "home.arpa", "in-addr.arpa", "ip6.arpa", "invalid"),
)
TO_LOOPBACK = ("localtest.me", "lvh.me", "vcap.me", "lacolhost.com")  # public names of 127.0.0.1
# Ports of mail, shells, files, databases and queues: what is said to them is no news.
OTHER_PORTS = frozenset(
    {
        *(0, 19, 21, 22, 23, 25, 53, 110, 111, 135, 139, 143, 389, 445, 465, 587, 636, 993, 995),
        *(1433, 2049, 2375, 3306, 3389, 5432, 5672, 5900, 6379, 6667, 9200, 11211, 27017),
    }
)
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?", re.ASCII)
_NUMBER = re.compile(r"[0-9]+|0[xX][0-9A-Fa-f]*", re.ASCII)
_INSIDE_A_NAME = re.compile(
    r"(?<![0-9])([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})(?![0-9])"
)
_HEXADECIMAL = re.compile(r"(?:^|[.-])([0-9a-f]{8})(?=[.-])")


@dataclass(frozen=True)
class Server:
    """`host`: in small letters, without brackets; empty where the address names none."""

    host: str
    has_login: bool = False


NONE = Server("")


def server_of(scheme: str, base: str) -> Server:
    """Read the server of an address, as every parser that reads it later does: what two of them
    could read as two servers is refused.

    Raises:
        ChannelError: it cannot be read.
    """
    if scheme not in HOSTED:
        return NONE
    authority, _, path = base.partition("/")
    login, at, place = authority.rpartition("@")
    is_token = not re.search(r"[.:\[]|^localhost$", place.lower())
    if scheme in MAYBE_HOSTED and is_token and (not path or scheme == "zulip"):
        return NONE  # matrix://token, ntfy://topic and zulip://bot@organisation name no server
    if "@" in login or "#" in authority:
        raise unreadable()
    host, port = _parts(place)
    if port in OTHER_PORTS:
        raise ChannelError(
            N_("Port %(port)s is not one of chat: leave it out, or take the server’s own."),
            port=str(port),
        )
    return Server(host.lower(), bool(at))


def refuse_inside(host: str, allowed: tuple[str, ...]) -> None:
    """Refuse a host that is plainly inside the network and not on the operator's list.

    Raises:
        ChannelError: it is.
    """
    if host in {one.lower() for one in allowed}:
        return
    name = host.rstrip(".")
    address = literal(name)
    if is_public(str(address)) if address is not None else not _is_inside(name):
        return
    if address is None and "." not in name and name != "localhost":
        raise ChannelError(  # without the name: it may be a token in the wrong place
            N_(
                "The first part of this address is no public server’s name. An operator can allow "
                "an internal one in TELLAL_ALLOW_PRIVATE_HOSTS."
            )
        )
    raise ChannelError(
        N_(
            "%(host)s is an internal address. An operator can allow it in "
            "TELLAL_ALLOW_PRIVATE_HOSTS."
        ),
        host=host,
    )


def literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
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


def unreadable() -> ChannelError:
    return ChannelError(N_("The server’s name in this address cannot be read."))


def _parts(place: str) -> tuple[str, int | None]:
    """The host and the port of `host:port` or `[address]:port`."""
    shape = re.fullmatch(
        r"\[([0-9A-Fa-f:.]+)\](?::([0-9]{1,5}))?|([^\[\]:]+)(?::([0-9]{1,5}))?", place, re.ASCII
    )
    if shape is None:
        raise unreadable()
    host, digits = shape[1] or shape[3], shape[2] or shape[4]
    if shape[1] is not None:
        try:
            ipaddress.IPv6Address(host)
        except ValueError:
            raise unreadable() from None
    elif not _NAME.fullmatch(host) or len(host) > 253:
        raise unreadable()
    elif (
        _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) and literal(host.rstrip(".")) is None
    ):
        raise unreadable()  # the last part is a number, so it must be an address (WHATWG URL)
    port = int(digits) if digits else None
    if port is not None and port > 65_535:
        raise unreadable()
    return host, port


def _is_inside(name: str) -> bool:
    """Whether a name says by itself that it leads inside, as 127.0.0.1.nip.io does."""
    if "." not in name or name.endswith(tuple(f".{end}" for end in INSIDE)):
        return True
    if name in TO_LOOPBACK or name.endswith(tuple(f".{end}" for end in TO_LOOPBACK)):
        return True
    spelt = [".".join(found) for found in _INSIDE_A_NAME.findall(name)]
    spelt += [str(ipaddress.IPv4Address(int(found, 16))) for found in _HEXADECIMAL.findall(name)]
    return any(_is_private(one) for one in spelt)


def _is_private(spelt: str) -> bool:
    address = literal(spelt)
    return address is not None and not is_public(str(address))
