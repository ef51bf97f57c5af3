"""Matrix by its own client-server protocol: a message has a number, and a number arrives once.

Two or three requests bring one message: the city's account enters the room, or makes the one room
that it shares with a person, and puts the message there. Entering and making are safe to repeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import requests

from service.crypto import Vault
from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from service.outbound import Exchange, GuardedSession, GuardPolicy
from service.personal_chat import Offer
from service.runtime import Runtime
from service.subscriptions.chat_addresses import ChatAddress
from workers.chat.targets import judge

API = "/_matrix/client/v3"
TIMEOUT_S = 10.0


@dataclass
class _Account:
    """The city's account at its homeserver, and what its requests of one message met."""

    offer: Offer
    internal: tuple[str, ...]
    exchanges: list[Exchange] = field(default_factory=list)

    def ask(self, method: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """The answer to a request; None: refused, or none that can be read."""
        try:
            with GuardedSession(GuardPolicy(self.internal), self.exchanges.append) as session:
                answer = session.request(
                    method,
                    f"{self.offer.matrix_origin}{API}{path}",
                    json=body,
                    headers={"Authorization": f"Bearer {self.offer.matrix_token}"},
                    timeout=TIMEOUT_S,
                )
            found = answer.json() if answer.ok else None
        except (requests.RequestException, ValueError, OSError):
            return None
        return found if isinstance(found, dict) else None

    def enter(self, room: str) -> str | None:
        """The number of a room, which the account is in from now on."""
        return _room_id(self.ask("POST", f"/join/{quote(room, safe='')}", {}))

    def meet(self, person: str, alias: str) -> str | None:
        """The number of the room shared with a person, who is invited to a new one."""
        server = self.offer.matrix_user.partition(":")[2]
        room = f"#{alias}:{server}"
        found = self.enter(room)
        if found or self.exchanges[-1].status != 404:
            return found
        made = self.ask(
            "POST",
            "/createRoom",
            {
                "room_alias_name": alias,
                "preset": "private_chat",
                "visibility": "private",
                "is_direct": True,
                "invite": [person],
            },
        )
        # 400: another worker has just made it.
        return _room_id(made) or (self.enter(room) if self.exchanges[-1].status == 400 else None)


def send_to_matrix(
    runtime: Runtime, offer: Offer, address: ChatAddress, message: ChatMessage, number: str
) -> Outcome:
    """Send one message to a room or a person and say what became of it.

    `number` is the message's own: the homeserver takes a second one of it for the first.
    """
    account = _Account(offer, runtime.settings.allow_private_hosts)
    if address.room.startswith("@"):
        room = account.meet(address.room, alias_of(runtime.vault, address))
    else:
        room = account.enter(address.room)
    if room is None:
        return _without_doubt(judge(False, account.exchanges))
    body = f"{message.title}\n\n{message.body}".strip()
    path = f"/rooms/{quote(room, safe='')}/send/m.room.message/{quote(number, safe='')}"
    answer = account.ask("PUT", path, {"msgtype": "m.notice", "body": body})
    return judge(answer is not None, account.exchanges)


def alias_of(vault: Vault, address: ChatAddress) -> str:
    """The name of the room shared with a person: it says nothing to others."""
    return f"tellal_{vault.keyed_hash('matrix-room', address.key)[:32]}"


def _without_doubt(outcome: Outcome) -> Outcome:
    """Before the message itself was sent nothing is in doubt: it is tried again."""
    if outcome.state == DeliveryState.UNKNOWN:
        return Outcome(DeliveryState.DEFERRED, "connect", outcome.detail)
    return outcome


def _room_id(answer: dict[str, Any] | None) -> str | None:
    found = (answer or {}).get("room_id")
    return found if isinstance(found, str) and found.startswith("!") else None
