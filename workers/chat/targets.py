"""One Apprise target, one call, one outcome (reliability guide, section 5).

Apprise answers with a bool and keeps HTTP statuses in its log. A guarded session in place of the
one that its plugins open records what really came back.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import apprise
import requests
import requests.sessions

from service.ledger.outcome import Outcome
from service.messages.chat import ChatMessage
from service.messages.chat_services import Form
from service.models import DeliveryState
from service.outbound import Exchange, GuardedSession, GuardPolicy, seconds_asked

DEFERRING = frozenset({408, 425, 429})
_seen = threading.local()
_patch = threading.Lock()


NO_TARGET = Outcome(DeliveryState.REJECTED, "url", "not the URL of exactly one target")


def target_of(url: str) -> Any:
    """What Apprise reads in a URL of exactly one target, else None. Reading asks nobody."""
    target = apprise.Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    return target if target is not None and len(target) == 1 else None


def ask_target(
    url: str, message: ChatMessage, allowed_hosts: tuple[str, ...]
) -> tuple[Outcome, bytes]:
    """Send one message to one channel URL: what became of it, and how the last answer begins."""
    target = target_of(url)
    if target is None:
        return NO_TARGET, b""
    written = message.written(url.partition("://")[0])
    if written.form is Form.MARKDOWN:  # Apprise passes it on as it is
        title, body, form = "", written.text, apprise.NotifyFormat.MARKDOWN
    else:
        title, body, form = written.title, written.body, apprise.NotifyFormat.TEXT
    with _guarded(allowed_hosts) as exchanges:
        delivered = target.notify(body=body, title=title, body_format=form)
    return judge(bool(delivered), exchanges), exchanges[-1].body if exchanges else b""


def judge(delivered: bool, exchanges: list[Exchange]) -> Outcome:
    """The outcome of a call from what its requests met.

    The last exchange decides, but for a refusal: a plugin that was put off (429, 5xx, no
    connection) may go on to ask for something that it is refused, and then it was still put off.
    """
    if not exchanges:
        return Outcome(DeliveryState.REJECTED, "blocked", "no request was allowed to leave")
    last = exchanges[-1]
    if delivered:
        return Outcome(DeliveryState.SENT, str(last.status or ""))
    if last.status is None and last.was_sent:
        return Outcome(DeliveryState.UNKNOWN, "", "the answer never came")
    put_off = next((exchange for exchange in exchanges if _puts_off(exchange)), None)
    if put_off is None:
        return Outcome(DeliveryState.REJECTED, str(last.status), _said(last))
    if put_off.status is None:
        return Outcome(DeliveryState.DEFERRED, "connect", "no connection to the service")
    wait_s = seconds_asked(put_off.retry_after)
    return Outcome(DeliveryState.DEFERRED, str(put_off.status), _said(put_off), wait_s)


def _puts_off(exchange: Exchange) -> bool:
    if exchange.status is None:
        return not exchange.was_sent
    return exchange.status in DEFERRING or exchange.status >= 500


def _said(exchange: Exchange) -> str:
    return f"the service answered {exchange.status}"


def _asset() -> apprise.AppriseAsset:
    return apprise.AppriseAsset(
        app_id="Tellal",
        app_desc="Tellal",
        app_url="",
        image_url_mask="",  # else rooms load a picture of Apprise from a stranger
        image_url_logo="",
        storage_mode="memory",
    )


@contextmanager
def _guarded(allowed_hosts: tuple[str, ...]) -> Iterator[list[Exchange]]:
    """Let every request of this thread go through the guard, and collect what it met."""
    _install()
    _seen.exchanges, _seen.policy = [], GuardPolicy(allowed_hosts)
    try:
        yield _seen.exchanges
    finally:
        _seen.policy = None


class _PluginSession(GuardedSession):
    """What `requests.post` opens inside a plugin: it takes no argument."""

    def __init__(self) -> None:
        policy = getattr(_seen, "policy", None) or GuardPolicy(())
        super().__init__(policy, getattr(_seen, "exchanges", []).append)


def _install() -> None:
    """Put our session where the plugins look for one, once a process."""
    with _patch:
        if requests.sessions.Session is not _PluginSession:
            requests.Session = requests.sessions.Session = _PluginSession  # type: ignore[misc]
