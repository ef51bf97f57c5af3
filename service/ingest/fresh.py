"""A delivery that brings one whole, published article: most of what a CMS sends.

Where the article is new, nothing has to be compared or locked for it, and `together` stores several
by the same statements.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from service.ingest.article import CanonicalArticle, in_zone
from service.ingest.claiming import Names
from service.ingest.delivery import Delivery
from service.ingest.holding import release_at
from service.ingest.upsert import revision_values, source_time
from service.models import RevisionState, Source


@dataclass(frozen=True, eq=False)
class Fresh:
    """`revision` holds the columns of its revision, `release_at` when people may hear of it.

    `taken` is what is known of it once it is stored: its source with each of its names, and with
    the sender's id of the delivery.
    """

    delivery: Delivery
    article: CanonicalArticle
    names: Names
    revision: dict[str, Any]
    published: datetime
    release_at: datetime | None
    taken: frozenset[tuple[int, str]]

    @property
    def source(self) -> Source:
        return self.delivery.source

    @property
    def is_damaged(self) -> bool:
        return bool(self.revision["state"] == RevisionState.QUARANTINED)


def fresh_of(delivery: Delivery) -> Fresh | None:
    """Read it so; null for any other delivery, and for all of a paused source."""
    result, source, now = delivery.event.result, delivery.source, delivery.proven.at
    if not isinstance(result, list) or len(result) != 1 or source.is_paused:
        return None
    [item] = result
    article = item.article
    if article is None or item.needs_enrichment or article.state != "published":
        return None
    # What is urgent, or claims to come from the future, is looked at more closely.
    if article.urgent or source_time(source, article, now) != article.updated_at:
        return None
    if source.last_matched != delivery.proven.matched:
        return None
    published = in_zone(article.published_at, source.timezone) or now
    revision = revision_values(article, delivery.request_id)
    is_damaged = revision["state"] == RevisionState.QUARANTINED
    names = Names(item.external_id, item.aliases, delivery.event.by_url)
    values = {value for _, value in names.known} | {delivery.event.delivery_key}
    return Fresh(
        delivery=delivery,
        article=article,
        names=names,
        revision=revision,
        published=published,
        release_at=None if is_damaged else release_at(source, article, published, now),
        taken=frozenset((source.id, value) for value in values),
    )
