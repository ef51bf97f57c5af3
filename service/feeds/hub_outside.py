"""Other hubs, which are told that feeds have changed: as many rows as the setting names.

Each is a destination of the ledger like a subscriber of ours, in the list that every article is in,
so a change reaches it by the same statement and its failures are tried again by the same rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import Database
from service.feeds.clock import FeedState, Named, Pair
from service.feeds.formats import Format
from service.feeds.hub import HubRefusal, read_callback
from service.feeds.hub_subscriptions import PURPOSE, add_row, end, list_pairs
from service.feeds.keys import ALL, FeedKey
from service.logs import get_logger
from service.models import FeedClock, WebsubEnd, WebsubSubscription
from service.models.listing import ANY
from service.settings import Settings

log = get_logger(__name__)


def sync(db: Database, vault: Vault, settings: Settings, now: datetime) -> None:
    """Tell the hubs that the settings name of every change from now on, and no others."""
    with db.write() as session:
        named = {_added(session, vault, settings, url, now) for url in settings.websub_outside_hubs}
        found = session.scalars(
            select(WebsubSubscription.destination_id).where(
                WebsubSubscription.is_outside, WebsubSubscription.ended_at.is_(None)
            )
        ).all()
        for destination_id in set(found) - named:
            end(session, destination_id, WebsubEnd.SETTING, now)


def changed_feeds(state: FeedState, since: int) -> list[str]:
    """The keys of `all` and of each single topic whose feed changed after this number."""
    topics: Sequence[Named] = list(state.topics.values())
    lists: list[tuple[Pair, str]] = [((ANY, ANY), ALL)]
    lists += [((topic.id, ANY), str(FeedKey.of([topic.slug]))) for topic in topics]
    return [key for pair, key in lists if state.last_change([pair]).seq > since]


def addresses(base_url: str, keys: Sequence[str]) -> list[str]:
    """The feeds of these keys, in all formats."""
    return [f"{base_url}/feeds/{key}.{one}" for key in keys for one in Format]


def _added(
    session: Session, vault: Vault, settings: Settings, url: str, now: datetime
) -> int | None:
    try:
        callback = read_callback(url, settings.allow_private_hosts)
    except HubRefusal as error:
        log.error("outside hub refused", reason=str(error).replace("hub.callback", "its address"))
        return None
    values = {
        "topic": ALL,
        "format": "",
        "host": callback.host,
        "sealed_callback": vault.encrypt(url),
        "is_outside": True,
    }
    row = add_row(session, vault.keyed_hash(PURPOSE, f"outside\n{url}"), values)
    if row.verified_at is None or row.ended_at is not None:
        row.verified_at, row.ended_at, row.end_reason = now, None, None
        row.pushed_seq = session.scalars(select(FeedClock.seq)).one()
        list_pairs(session, row.destination_id, [(ANY, ANY)])
    return row.destination_id
