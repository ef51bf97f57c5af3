"""Addresses of personal chats: typed fields, checked against the city's lists, never a URL.

What a citizen writes is one name in a known grammar, on a server that staff listed. The request
that it becomes is built from that and from the settings when a message is sent.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from service.crypto import Vault
from service.personal_chat import ChatKind, Offer, is_server_name
from service.subscriptions.chat_urls import N_

MAX_ROOM = 255  # octets; Matrix, appendices, "Identifier Grammar"
MAX_FIELD = 400  # what is longer is no address, and not looked at
SHOWN = 3  # letters at each end of a name that its owner may see again
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MATRIX_NAME = {
    "@": re.compile(r"[a-z0-9._=/+-]+"),
    "!": re.compile(r"[A-Za-z0-9._~=/+-]+"),
    "#": re.compile(r"[^\s:@#!%?\\]+"),
}


class ChatAddressError(ValueError):
    """The text is no address that we can write to; `text` is a sentence for the page."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field, self.text = field, text


@dataclass(frozen=True)
class ChatAddress:
    """One chat. `host` is a server of the lists; for Telegram, which is one service, its name."""

    kind: ChatKind
    host: str
    room: str

    @property
    def key(self) -> str:
        """The same text for every spelling of the same chat."""
        return f"{self.kind}:{self.host}/{self.room}"

    @property
    def lane(self) -> str:
        """A server that is slow delays nobody else's."""
        return f"{self.kind}:{self.host}"[:64] if self.kind is ChatKind.NTFY else str(self.kind)

    @property
    def label(self) -> str:
        """What its owner may see again: enough to know it by, not enough to use it."""
        if self.kind is ChatKind.TELEGRAM:
            return "Telegram"
        name = self.room.partition(":")[0]
        is_long = len(name) > 3 * SHOWN
        shown = f"{name[:SHOWN]}…{name[-SHOWN:]}" if is_long else f"{name[:SHOWN]}…"
        return f"{self.host} · {shown}"[:100]

    def hashed(self, vault: Vault) -> str:
        return vault.keyed_hash("address", f"target:{self.key}")

    def sealed(self, vault: Vault) -> str:
        return vault.encrypt(json.dumps([self.kind, self.host, self.room]))

    @classmethod
    def unsealed(cls, vault: Vault, sealed: str) -> ChatAddress:
        """Read what `sealed` wrote. Raises ValueError for anything else."""
        kind, host, room = json.loads(vault.decrypt(sealed))
        return cls(ChatKind(kind), host, room)

    def is_offered(self, offer: Offer) -> bool:
        """Whether the settings still let this chat be written to."""
        if self.kind not in offer.kinds:
            return False
        if self.kind is ChatKind.TELEGRAM:
            return True
        return self.host in (offer.ntfy if self.kind is ChatKind.NTFY else offer.matrix_hosts)


def ntfy_address(offer: Offer, host: str, topic: str) -> ChatAddress:
    """A topic of a listed server.

    Raises:
        ChatAddressError: the server is not listed, or that is no name of a topic.
    """
    if host not in offer.ntfy:
        raise ChatAddressError("host", N_("Choose a server from the list"))
    topic = topic.strip()
    if not topic:
        raise ChatAddressError("topic", N_("Write the name of your topic"))
    if not _TOPIC.fullmatch(topic):
        raise ChatAddressError(
            "topic", N_("Use letters from a to z, digits, - and _ only, at most 64 of them")
        )
    return ChatAddress(ChatKind.NTFY, host, topic)


def matrix_address(offer: Offer, text: str) -> ChatAddress:
    """A person `@name:server`, a room `!id:server`, or a room's alias `#name:server`.

    Raises:
        ChatAddressError: it is none of these, or its server is not listed.
    """
    text = text[: MAX_FIELD + 1].strip()
    if not text:
        raise ChatAddressError("room", N_("Write your Matrix name or the address of a room"))
    name, _, server = text[1:].partition(":")
    server = server.lower()
    grammar = _MATRIX_NAME.get(text[:1])
    if (
        grammar is None
        or not grammar.fullmatch(name)
        or not name.isprintable()
        or not is_server_name(server)
        or len(text.encode("utf-8", "replace")) > MAX_ROOM
    ):
        raise ChatAddressError("room", N_("Write it like @name:example.org or #room:example.org"))
    if server not in offer.matrix_hosts:
        raise ChatAddressError("room", N_("Messages cannot be sent to this server"))
    return ChatAddress(ChatKind.MATRIX, server, f"{text[0]}{name}:{server}")


def telegram_address(chat_id: int) -> ChatAddress:
    """A chat that wrote to the bot. Raises ValueError for a number that no person's chat has."""
    if not 0 < chat_id < 2**63:
        raise ValueError("people's chats have positive numbers")
    return ChatAddress(ChatKind.TELEGRAM, "telegram", str(chat_id))
