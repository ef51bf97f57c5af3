"""What our hub's calls come to: the words of the ledger for a stranger's answer."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit, urlunsplit

from service.ledger.outcome import Outcome
from service.models import DeliveryState
from workers.calls import Reply


def words_of(reply: Reply) -> str:
    """For the ledger: no part of an address, and nothing of what a stranger wrote."""
    if reply.status is not None:
        return f"the callback answered {reply.status}"
    if reply.is_blocked:
        return "the callback's host has no address that may be reached"
    return "the answer never came" if reply.was_sent else "no connection to the callback"


def outcome_of(reply: Reply) -> Outcome:
    """The outcome of a call that is to be made until it was taken."""
    if reply.is_ok:
        return Outcome(DeliveryState.SENT, reply.code)
    if reply.status is None and reply.was_sent:
        return Outcome(DeliveryState.UNKNOWN, detail=words_of(reply))
    return Outcome(DeliveryState.DEFERRED, reply.code, words_of(reply), reply.retry_after_s)


def with_query(callback: str, parameters: Mapping[str, str]) -> str:
    """The callback with further parameters; its own query stays as it is, in front."""
    parts = urlsplit(callback)
    query = "&".join(filter(None, (parts.query, urlencode(parameters))))
    return urlunsplit(parts._replace(query=query))
