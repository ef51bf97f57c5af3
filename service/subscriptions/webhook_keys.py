"""Signing secrets of webhooks (Standard Webhooks): made by us, shown once, sealed, rotated."""

from __future__ import annotations

import base64
import secrets
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session
from standardwebhooks import Webhook

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.models import Channel, WebhookKey
from service.subscriptions.channel_error import N_, ChannelError
from service.subscriptions.chat_schemes import WEBHOOK

PREFIX = "whsec_"
KEY_BYTES = 32  # the specification wants 24 to 64
GRACE = timedelta(days=7)  # that the secret before signs beside the new one


def key_of(session: Session, channel_id: int) -> WebhookKey | None:
    """What is kept of a channel's secret; null where none was made."""
    return session.get(WebhookKey, channel_id)


def keyless(session: Session) -> set[int]:
    """The webhooks that are sent nothing, because no secret was made yet."""
    has_none = ~exists().where(WebhookKey.channel_id == Channel.id)
    wanted = select(Channel.id).where(Channel.scheme == WEBHOOK, Channel.removed_at.is_(None))
    return set(session.scalars(wanted.where(has_none)))


def require_webhook(channel: Channel) -> None:
    """Raises ChannelError for a channel of another kind."""
    if channel.scheme != WEBHOOK:
        raise ChannelError(N_("Only a webhook has this: the channel is of another kind."), "secret")


def make(
    session: Session, vault: Vault, actor: Actor | None, channel: Channel, now: datetime
) -> str:
    """Make a secret for a locked channel and return it: nobody can read it again.

    The one before signs beside it for `GRACE`; one that is older is void at once.

    Raises:
        ChannelError: it is no webhook.
    """
    require_webhook(channel)
    secret = PREFIX + base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()
    row = key_of(session, channel.id)
    if row is None:
        session.add(WebhookKey(channel_id=channel.id, sealed=vault.encrypt(secret), made_at=now))
    else:
        row.sealed_before, row.before_until = row.sealed, now + GRACE
        row.sealed, row.made_at = vault.encrypt(secret), now
    acts.record(session, vault, actor, "channel.secret", channel.id, is_first=row is None)
    return secret


def signatures(
    vault: Vault, key: WebhookKey, number: str, body: bytes, now: datetime
) -> dict[str, str]:
    """The headers that prove a request, of both secrets while both hold.

    `number`: the event's own, the same at every try.
    """
    sealed = [key.sealed]
    if key.sealed_before is not None and key.before_until is not None and key.before_until > now:
        sealed.append(key.sealed_before)
    text = body.decode()
    signed = [Webhook(vault.secret(one)).sign(number, now, text) for one in sealed]
    return {
        "webhook-id": number,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signed),
    }
