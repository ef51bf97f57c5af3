"""The address of a channel: checked, of no other channel's room, masked."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.models import Channel, Destination
from service.settings import Settings
from service.subscriptions import chat_rooms
from service.subscriptions.chat_urls import (
    N_,
    ChannelError,
    ChatUrl,
    parse_chat_url,
    require_one_target,
)

DUPLICATE = N_("There is a channel with this address already.")


def checked_address(
    session: Session, vault: Vault, settings: Settings, url: str, channel_id: int | None = None
) -> ChatUrl:
    """A pasted address that may be a channel's; `channel_id`: the one whose it is to be.

    Raises:
        ChannelError: it is none, or leads to the room of another channel.
    """
    chat = parse_chat_url(url, settings)
    require_one_target(chat.url)
    hashed = chat_rooms.room_hash(vault, chat.url)
    _know_rooms(session, vault)
    others = select(Channel).where(Channel.room_hash == hashed, Channel.removed_at.is_(None))
    other = session.scalar(others.where(Channel.id != (channel_id or 0)))
    if other is not None:
        text = N_("The channel %(name)s is in this room already: it would be told all twice.")
        raise ChannelError(text, name=other.name)
    return chat


def masked(chat: ChatUrl) -> str:
    """What of an address is shown: its service, its server, and what of its room is no secret."""
    return chat_rooms.shown(chat.masked, chat.url)


def address_hash(vault: Vault, chat: ChatUrl) -> str:
    """By which no two channels have one address."""
    return vault.keyed_hash("address", f"chat:{chat.url}")


def set_address(
    session: Session, vault: Vault, channel: Channel, destination: Destination, chat: ChatUrl
) -> None:
    """Send to this address from now on, also what waits; another one that was to follow is dropped.

    Raises:
        ChannelError: another channel has it; roll back.
    """
    channel.sealed_url, channel.masked_url = vault.encrypt(chat.url), masked(chat)
    channel.room_hash = chat_rooms.room_hash(vault, chat.url)
    channel.scheme = destination.lane = chat.scheme
    destination.address_hash = address_hash(vault, chat)
    forget_next(channel)
    try:
        session.flush()
    except IntegrityError:
        raise ChannelError(DUPLICATE) from None


def forget_next(channel: Channel) -> None:
    """No address is to follow any more."""
    channel.next_sealed_url, channel.next_masked_url, channel.next_test_id = "", "", None


def _know_rooms(session: Session, vault: Vault) -> None:
    """Learn the rooms of channels that are older than this knowledge: few, and once."""
    unknown = select(Channel).where(Channel.room_hash.is_(None), Channel.removed_at.is_(None))
    for channel in session.scalars(unknown.where(Channel.sealed_url != "")):
        hashed = chat_rooms.room_hash(vault, vault.decrypt(channel.sealed_url))
        if session.scalar(select(Channel.id).where(Channel.room_hash == hashed)) is None:
            channel.room_hash = hashed
            session.flush()
