"""Matrix for people: the city's account writes to a room, or into the one that it shares with a
person.

Two or three requests bring one message: the account enters the room, or makes the one room that it
shares with a person, and puts the message there. Entering and making are safe to repeat.
"""

from __future__ import annotations

from service.crypto import Vault
from service.messages.chat import ChatMessage
from service.personal_chat import Offer
from service.subscriptions.chat_addresses import ChatAddress
from workers.calls import Caller, Reply
from workers.chat.providers import Receipt
from workers.chat.providers.matrix import Account, matrix_receipt, room_of, without_doubt


class MatrixOfPeople:
    """One person's chat, as a provider that needs no address."""

    schemes: frozenset[str] = frozenset()

    def __init__(self, vault: Vault, offer: Offer, address: ChatAddress) -> None:
        self._vault, self._offer, self._address = vault, offer, address

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        account = self._account(caller)
        room, reply = self._enter(account)
        if not room:
            return without_doubt(matrix_receipt(reply))
        return account.say(room, message, number)

    def place(self, url: str) -> str:
        return f"{self._address.key} {self._offer.matrix_user}"

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        account = self._account(caller)
        room, reply = self._enter(account)
        if not room:
            return without_doubt(matrix_receipt(reply))
        return account.replace(room, message_id, message, number)

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        return self.edit(caller, url, message_id, message, number)

    def _account(self, caller: Caller) -> Account:
        return Account(caller, self._offer.matrix_origin, self._offer.matrix_token)

    def _enter(self, account: Account) -> tuple[str, Reply]:
        """The number of the room, which the account is in from now on; empty: it was refused."""
        if self._address.room.startswith("@"):
            return self._meet(account, self._address.room)
        return account.enter(self._address.room)

    def _meet(self, account: Account, person: str) -> tuple[str, Reply]:
        """The number of the room shared with a person, who is invited to a new one."""
        alias = alias_of(self._vault, self._address)
        server = self._offer.matrix_user.partition(":")[2]
        room = f"#{alias}:{server}"
        found, reply = account.enter(room)
        if found or reply.status != 404:
            return found, reply
        reply = account.ask(
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
        if reply.status == 400:  # another worker has just made it
            return account.enter(room)
        return room_of(reply), reply


def alias_of(vault: Vault, address: ChatAddress) -> str:
    """The name of the room shared with a person: it says nothing to others."""
    return f"tellal_{vault.keyed_hash('matrix-room', address.key)[:32]}"
