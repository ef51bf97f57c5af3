"""Another address for a channel: offered, tested, and only then put in the place of the old one.

Until the swap all goes to the old address; what waits then goes to the new one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.ledger.channel_pause import end_own_pause
from service.models import Batch, Channel, Delivery, DeliveryState
from service.settings import Settings
from service.subscriptions import channels
from service.subscriptions.channel_addresses import (
    checked_address,
    forget_next,
    masked,
    set_address,
)
from service.subscriptions.channel_options import PROGRAMS
from service.subscriptions.channel_tests import ask
from service.subscriptions.chat_urls import N_, ChannelError


def offer(
    session: Session,
    vault: Vault,
    settings: Settings,
    actor: Actor | None,
    channel: Channel,
    url: str,
    request_id: str,
) -> Batch:
    """Keep a new address beside the old one of a locked channel, and send a test there;
    `ring_batch` for it after the commit. One that was offered before is dropped.

    Raises:
        ChannelError: it cannot be this channel's.
    """
    chat = checked_address(session, vault, settings, url, channel.id)
    if chat.url == vault.decrypt(channel.sealed_url):
        raise ChannelError(N_("This is the address that it has."))
    if chat.scheme in PROGRAMS and channel.scheme not in PROGRAMS:  # it has no secret to be tested
        raise ChannelError(N_("A webhook is a channel of its own: add one."))
    channel.next_sealed_url, channel.next_masked_url = vault.encrypt(chat.url), masked(chat)
    batch = _ask(session, channel, request_id)
    detail: dict[str, Any] = {"address": masked(chat), "notification_id": batch.notification_id}
    acts.record(session, vault, actor, "channel.offer", channel.id, **detail)
    return batch


def test_next(
    session: Session, vault: Vault, actor: Actor | None, channel: Channel, request_id: str
) -> Batch:
    """Send a test to the address that is to follow.

    Raises:
        ChannelError: there is none.
    """
    if not channel.next_sealed_url:
        raise ChannelError(N_("There is no new address to test."))
    batch = _ask(session, channel, request_id)
    detail: dict[str, Any] = {"address": "new", "notification_id": batch.notification_id}
    acts.record(session, vault, actor, "channel.test", channel.id, **detail)
    return batch


def swap(
    session: Session,
    vault: Vault,
    settings: Settings,
    actor: Actor | None,
    channel: Channel,
    now: datetime,
) -> None:
    """Put the tested address of a locked channel in the place of the old one, which is forgotten.

    A channel that had paused itself goes on. Call `hold.free_held` after the commit.

    Raises:
        ChannelError: there is none, or no test has come in by it.
    """
    destination = channels.destination_of(session, channel.id)
    assert destination is not None, "a channel has its destination"
    if not channel.next_sealed_url:
        raise ChannelError(N_("There is no new address to test."))
    key = (channel.next_test_id or 0, destination.id)
    test = session.get(Delivery, key, populate_existing=True)
    if test is None or test.state != DeliveryState.SENT:
        raise ChannelError(N_("Its test has not come in yet: the old address stays until then."))
    url = vault.decrypt(channel.next_sealed_url)
    chat = checked_address(session, vault, settings, url, channel.id)
    before = channel.masked_url
    set_address(session, vault, channel, destination, chat)
    end_own_pause(session, channel.id, now)
    changed: dict[str, Any] = {"address": [before, channel.masked_url]}
    acts.record(session, vault, actor, "channel.swap", channel.id, **changed)


def drop(session: Session, vault: Vault, actor: Actor | None, channel: Channel) -> bool:
    """Forget the address that was to follow; False where there was none."""
    if not channel.next_sealed_url:
        return False
    shown = channel.next_masked_url
    forget_next(channel)
    acts.record(session, vault, actor, "channel.drop", channel.id, address=shown)
    return True


def _ask(session: Session, channel: Channel, request_id: str) -> Batch:
    batch = ask(session, channel, request_id, is_of_next=True)
    channel.next_test_id = batch.notification_id
    return batch
