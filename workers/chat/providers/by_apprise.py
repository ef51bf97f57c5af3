"""Every service that Apprise knows and we have no file for."""

from __future__ import annotations

from service.messages.chat import ChatMessage
from workers.calls import Caller
from workers.chat.answers import in_its_words, words_of
from workers.chat.providers.provider import Receipt
from workers.chat.targets import ask_target


class ByApprise:
    """One Apprise target, one call; nothing that it sent can be changed."""

    schemes: frozenset[str] = frozenset()

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        outcome, body = ask_target(url, message, caller.internal_hosts)
        said = words_of(body)
        return Receipt(in_its_words(outcome, said), said=said)
