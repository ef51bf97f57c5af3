"""Plain JSON to any address (`json://`, `jsons://`): the payload of Apprise's service of that name,
without what Apprise needs for each message. Addresses with options are left to Apprise."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from urllib.parse import quote, unquote, urlsplit

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.models import DeliveryState
from workers.calls import Caller
from workers.chat.answers import in_its_words, words_of
from workers.chat.providers.by_apprise import ByApprise
from workers.chat.providers.provider import Receipt, receipt_of

_SAFE = "/%:@!$&'()*+,;=~-._"
_NO_TARGET = Receipt(Outcome(DeliveryState.REJECTED, "url", "not the URL of exactly one target"))
_by_apprise = ByApprise()


class JsonHook:
    """Sends a message as one object; nothing that was sent can be changed."""

    schemes = frozenset({"json", "jsons"})

    def send(self, caller: Caller, url: str, message: ChatMessage, number: str) -> Receipt:
        if "?" in url:
            return _by_apprise.send(caller, url, message, number)
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return _NO_TARGET
        if not host:
            return _NO_TARGET
        headers = {}
        if parts.username:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        written = message.written("json")
        said = {
            "version": "1.0",
            "title": written.title,
            "message": written.body,
            "attachments": [],
            "type": "info",
        }
        host = f"[{host}]" if ":" in host else host
        place = host if port is None else f"{host}:{port}"
        scheme = "https" if parts.scheme == "jsons" else "http"
        address = f"{scheme}://{place}{quote(parts.path, safe=_SAFE)}"
        reply = caller.call("POST", address, headers=headers, json=said)
        receipt = receipt_of(reply)
        return replace(receipt, outcome=in_its_words(receipt.outcome, words_of(reply.body)))
