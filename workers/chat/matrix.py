"""People on Matrix: the city's account enters their room, or makes the one that it shares with a
person, and puts the message there. Entering and making are safe to repeat, and a number arrives
once (see `matrix_account`)."""

from __future__ import annotations

from collections.abc import Callable

from service.crypto import Vault
from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from service.personal_chat import Offer
from service.subscriptions.chat_addresses import ChatAddress
from workers.calls import Caller
from workers.chat.providers import Editor, Receipt
from workers.chat.providers.matrix_account import Account, RefusedError, message_content

SENT = Outcome(DeliveryState.SENT, "200")


class MatrixOfPeople(Editor):
    """One person's chat, as a provider that needs no address."""

    schemes: frozenset[str] = frozenset()

    def __init__(self, vault: Vault, offer: Offer, address: ChatAddress) -> None:
        self._vault, self._offer, self._address = vault, offer, address

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        content = message_content(message)
        return self._in(caller, lambda account, room: account.say(room, number, content))

    def place(self, url: str) -> str:
        return f"{self._address.key} {self._offer.matrix_user}"

    def edit(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        content = message_content(message)
        return self._in(
            caller,
            lambda account, room: account.replace(room, message_id, f"edit-{number}", content),
        )

    def withdraw(
        self, caller: Caller, url: str, message_id: str, message: ChatMessage, number: str
    ) -> Receipt:
        def put(account: Account, room: str) -> str:
            account.take_back(room, message_id, message.title)
            return account.say(room, f"gone-{number}", message_content(message))

        return self._in(caller, put)

    def _in(self, caller: Caller, put: Callable[[Account, str], str]) -> Receipt:
        account = Account(caller, self._offer.matrix_origin, self._offer.matrix_token)
        try:
            if self._address.room.startswith("@"):
                room = self._meet(account, self._address.room)
            else:
                room = account.enter(self._address.room)
            return Receipt(SENT, put(account, room))
        except RefusedError as error:
            return Receipt(error.outcome)

    def _meet(self, account: Account, person: str) -> str:
        """The id of the room shared with a person, who is invited to a new one."""
        alias = alias_of(self._vault, self._address)
        room = f"#{alias}:{self._offer.matrix_user.partition(':')[2]}"
        try:
            return account.enter(room)
        except RefusedError as error:
            if error.status != "404":
                raise
        try:
            return account.make_room(alias, person)
        except RefusedError as error:
            if error.status != "400":  # 400: another worker has just made it
                raise
            return account.enter(room)


def alias_of(vault: Vault, address: ChatAddress) -> str:
    """The name of the room shared with a person: it says nothing to others."""
    return f"tellal_{vault.keyed_hash('matrix-room', address.key)[:32]}"
