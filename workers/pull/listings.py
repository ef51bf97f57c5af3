"""Asks a site for its listing, and for no more of it than has changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from service.ingest.listing import (
    Entry,
    Listing,
    ListingError,
    newest_change,
    read_listing,
    unique,
    wordpress_address,
)
from service.ingest.pull_rules import PullRules
from service.ingest.pulling.leasing import Poll
from service.logs import get_logger
from service.models import PullKind
from service.outbound import Fetched, FetchFailed
from workers.pull.site import Site

log = get_logger(__name__)


@dataclass(frozen=True)
class Asked:
    """`listing` is null where nothing changed. `values`: what the pull remembers for the next."""

    listing: Listing | None
    values: dict[str, object] = field(default_factory=dict)


def ask_listing(
    site: Site, poll: Poll, rules: PullRules, now: datetime, *, is_conditional: bool
) -> Asked:
    """Fetch and read it.

    Raises:
        ListingError: what came is no such listing.
        DisallowedError, BudgetSpentError, FetchRefused, FetchFailed: as `Site.get`.
    """
    if poll.pull.kind == PullKind.WORDPRESS:
        return _ask_wordpress(site, poll, rules, now)
    fetched = site.get(poll.pull.url, _validators(poll) if is_conditional else None)
    if fetched.status == 304:
        return Asked(None)
    listing = _read(fetched, poll, rules)
    if listing.children:
        return Asked(
            _joined(site, poll, rules, listing.children), {"etag": "", "last_modified": ""}
        )
    return Asked(listing, {"etag": fetched.etag, "last_modified": fetched.last_modified})


def _ask_wordpress(site: Site, poll: Poll, rules: PullRules, now: datetime) -> Asked:
    """For what changed; once an hour for everything, so that what vanished is noticed."""
    since = poll.pull.modified_after
    if poll.pull.polled_at is None or f"{poll.pull.polled_at:%F %H}" != f"{now:%F %H}":
        since = None
    fetched = site.get(wordpress_address(poll.pull.url, since))
    listing = _read(fetched, poll, rules, is_partial=since is not None)
    return Asked(listing, {"modified_after": newest_change(listing) or poll.pull.modified_after})


def _joined(site: Site, poll: Poll, rules: PullRules, urls: Iterable[str]) -> Listing:
    """The sitemaps of an index as one; one that cannot be read does not hide the others."""
    entries: list[Entry] = []
    last_error: Exception | None = None
    for url in urls:
        try:
            child = _read(site.get(url), poll, rules)
        except (ListingError, FetchFailed) as error:
            log.warning("sitemap of an index unread", source=poll.source.slug, reason=str(error))
            last_error = error
            continue
        entries += child.entries
    if not entries and last_error is not None:
        raise last_error
    return Listing(unique(entries), is_partial=last_error is not None)


def _read(fetched: Fetched, poll: Poll, rules: PullRules, *, is_partial: bool = False) -> Listing:
    if fetched.status != 200:
        raise ListingError(f"the site answered {fetched.status}")
    kind, zone = PullKind(poll.pull.kind), poll.source.timezone
    return replace(read_listing(kind, fetched, zone, rules), is_partial=is_partial)


def _validators(poll: Poll) -> dict[str, str]:
    pairs = {"If-None-Match": poll.pull.etag, "If-Modified-Since": poll.pull.last_modified}
    return {name: value for name, value in pairs.items() if value}
