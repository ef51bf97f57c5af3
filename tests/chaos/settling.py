"""Who lives in a city: one source, many mailboxes, some channels, all asking for one topic."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import utcnow
from service.models import Destination, DestinationKind, Source, Subscription, Topic
from service.settings import Settings
from service.subscriptions.channels import add_channel
from tests.chaos.door import SLUG, TOPIC

FIRST_ID = 1_000_000  # of mailboxes: above those of channels, whose numbers the database gives


def address_of(number: int) -> str:
    return f"citizen{number}@tellal.example"


def path_of(number: int) -> str:
    """Of a channel at the receiver: it names the channel, because a message does not."""
    return f"/room/{number}"


def url_of(number: int, port: int) -> str:
    """Every other channel is a room of Matrix, whose messages have numbers."""
    if number % 2:
        return f"matrix://token@127.0.0.1:{port}/!{number}:tellal.example"
    return f"json://127.0.0.1:{port}{path_of(number)}"


def people(mailboxes: int, channels: int) -> frozenset[str]:
    """Everybody who should hear of an article, as the two ends name them."""
    mail = {address_of(number) for number in range(mailboxes)}
    return frozenset(mail | {path_of(number) for number in range(channels)})


def settle_in(
    session: Session, settings: Settings, secret: str, mailboxes: int, channels: int, port: int
) -> dict[int, str]:
    """Store all of it in the caller's transaction; return whose destination each number is."""
    vault = Vault(settings)
    session.add(
        Source(slug=SLUG, sealed_secret=vault.encrypt(secret), hold_s=0, may_send_urgent=True)
    )
    topic_id = session.scalars(select(Topic.id).where(Topic.slug == TOPIC)).one()
    for number in range(channels):
        url = url_of(number, port)
        add_channel(session, vault, settings, name=f"room {number}", url=url, topic_slugs=[TOPIC])
    _move_in(session, topic_id, mailboxes)
    session.flush()
    rooms = session.scalars(
        select(Destination.id)
        .where(Destination.kind == DestinationKind.CHAT)
        .order_by(Destination.channel_id)
    ).all()
    return {
        **{FIRST_ID + number: address_of(number) for number in range(mailboxes)},
        **{room: path_of(number) for number, room in enumerate(rooms)},
    }


def _move_in(session: Session, topic_id: int, mailboxes: int) -> None:
    now = utcnow()
    session.execute(
        insert(Destination),
        [
            {
                "id": FIRST_ID + number,
                "kind": DestinationKind.EMAIL,
                "address": address_of(number),
                "address_hash": f"{SLUG}{number}",
                "lane": "other",
                "verified_at": now,
            }
            for number in range(mailboxes)
        ],
    )
    session.execute(
        insert(Subscription),
        [
            {"destination_id": FIRST_ID + number, "topic_id": topic_id}
            for number in range(mailboxes)
        ],
    )
