"""When the news of an article that comes in may go out."""

from __future__ import annotations

from datetime import datetime

from service.ingest.article import CanonicalArticle
from service.ledger.holding import due_at
from service.models import Source


def release_at(
    source: Source, incoming: CanonicalArticle, published: datetime, now: datetime
) -> datetime | None:
    """When people may hear of it; null for old news and advertising."""
    is_urgent = incoming.urgent and source.may_send_urgent
    return due_at(source, published, now, is_urgent=is_urgent, is_commercial=incoming.commercial)
