"""Personal chat: which kinds the city offers, to which hosts, and by which account of its own.

A citizen never names a host or a path that is not on these lists, so what they write cannot lead a
request anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import urlsplit

MAX_HOST = 255
_NAME = re.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_BOT = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,30}[A-Za-z0-9]")
_BOT_TOKEN = re.compile(r"([0-9]{3,16}):[A-Za-z0-9_-]{20,64}")
_TOKEN = re.compile(r"[!-~]+")
_MATRIX_USER = re.compile(r"@[a-z0-9._=/+-]+:(.+)")


class ChatKind(StrEnum):
    NTFY = "ntfy"
    MATRIX = "matrix"
    TELEGRAM = "telegram"


@dataclass(frozen=True)
class Offer:
    """What the settings offer, checked.

    `ntfy` leads from a host as people see it to its origin. `at_home`: hosts that stand in the
    country.
    """

    kinds: tuple[ChatKind, ...] = ()
    ntfy: Mapping[str, str] = field(default_factory=dict)
    ntfy_token: str = field(default="", repr=False)
    matrix_origin: str = ""
    matrix_user: str = ""
    matrix_token: str = field(default="", repr=False)
    matrix_hosts: tuple[str, ...] = ()
    telegram_bot: str = ""
    telegram_token: str = field(default="", repr=False)
    at_home: frozenset[str] = frozenset()

    def checked(self) -> Offer:
        """This offer, if each kind that is on has all it needs.

        Raises:
            ValueError: one sentence says what is missing or wrong.
        """
        if ChatKind.NTFY in self.kinds:
            self._check_ntfy()
        if ChatKind.MATRIX in self.kinds:
            self._check_matrix()
        if ChatKind.TELEGRAM in self.kinds:
            self._check_telegram()
        return self

    def abroad(self, kind: ChatKind, host: str = "") -> str:
        """Who carries messages of this kind abroad, as the consent names them; empty: nobody."""
        if kind is ChatKind.TELEGRAM:
            return "Telegram"
        if kind is ChatKind.NTFY:
            return "" if _bare(host) in self.at_home else host
        met = dict.fromkeys((urlsplit(self.matrix_origin).netloc, *self.matrix_hosts))
        return ", ".join(one for one in met if _bare(one) not in self.at_home)

    def _check_ntfy(self) -> None:
        if not self.ntfy:
            raise ValueError(
                "ntfy is in TELLAL_PERSONAL_CHAT: name its servers in TELLAL_NTFY_HOSTS"
            )
        if self.ntfy_token and len(self.ntfy) != 1:
            raise ValueError(
                "TELLAL_NTFY_TOKEN is for one server: name exactly that one in TELLAL_NTFY_HOSTS"
            )
        if self.ntfy_token and not _TOKEN.fullmatch(self.ntfy_token):
            raise ValueError("TELLAL_NTFY_TOKEN must be plain letters without spaces")

    def _check_matrix(self) -> None:
        if not (self.matrix_origin and self.matrix_user and self.matrix_token):
            raise ValueError(
                "matrix is in TELLAL_PERSONAL_CHAT: set TELLAL_MATRIX_HOMESERVER, "
                "TELLAL_MATRIX_USER and TELLAL_MATRIX_TOKEN"
            )
        if not self.matrix_hosts:
            raise ValueError(
                "matrix is in TELLAL_PERSONAL_CHAT: name in TELLAL_MATRIX_HOSTS the servers "
                "whose rooms and people may be written to"
            )
        user = _MATRIX_USER.fullmatch(self.matrix_user)
        if not user or not is_server_name(user[1]):
            raise ValueError("TELLAL_MATRIX_USER must be like @news:example.org")
        if not _TOKEN.fullmatch(self.matrix_token):
            raise ValueError("TELLAL_MATRIX_TOKEN must be plain letters without spaces")

    def _check_telegram(self) -> None:
        if not (self.telegram_bot and self.telegram_token):
            raise ValueError(
                "telegram is in TELLAL_PERSONAL_CHAT: set TELLAL_TELEGRAM_BOT and "
                "TELLAL_TELEGRAM_TOKEN"
            )
        if not _BOT.fullmatch(self.telegram_bot):
            raise ValueError("TELLAL_TELEGRAM_BOT must be the bot’s name, without @ and spaces")
        if not _BOT_TOKEN.fullmatch(self.telegram_token):
            raise ValueError(
                "TELLAL_TELEGRAM_TOKEN must be like 123456789:AAE…, as BotFather gave it"
            )


def kinds_of(names: Iterable[str]) -> tuple[ChatKind, ...]:
    """The kinds by name, each once. Raises ValueError for any other name."""
    try:
        return tuple(dict.fromkeys(ChatKind(name.lower()) for name in names))
    except ValueError:
        raise ValueError(
            f"TELLAL_PERSONAL_CHAT may hold {', '.join(ChatKind)}, joined by commas"
        ) from None


def origins_of(entries: Iterable[str], internal: Collection[str], name: str) -> dict[str, str]:
    """From each host as people see it to its origin.

    `http://…` is for hosts that the operator listed as internal alone.

    Raises:
        ValueError: an entry is no server, or would be reached in clear.
    """
    found = {}
    for entry in entries:
        scheme, mark, rest = entry.rpartition("://")
        scheme, host = (scheme.lower() if mark else "https"), rest.rstrip("/").lower()
        if not is_server_name(host):
            raise ValueError(
                f"{name} names {entry[:60]!r}, which is no server: write ntfy.example.org"
            )
        if scheme != "https" and (scheme != "http" or _bare(host) not in internal):
            raise ValueError(
                f"{name} names {entry[:60]!r}: http is for TELLAL_ALLOW_PRIVATE_HOSTS alone"
            )
        found[host] = f"{scheme}://{host}"
    return found


def is_server_name(text: str) -> bool:
    """True for a host in lower case, with a port or without."""
    host, colon, port = text.partition(":")
    is_port = not colon or (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65536)
    return bool(_NAME.fullmatch(host)) and is_port and len(text) <= MAX_HOST


def _bare(host: str) -> str:
    return host.partition(":")[0]
