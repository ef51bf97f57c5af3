"""The REST list of WordPress (wp/v2/posts and other types): whole articles, mapped by preset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from service.ingest.listing.entry import Entry, Listing, ListingError, address, key_of, version_of
from service.ingest.payload import PayloadError, parse_object

PRESET = "wordpress-rest"
PER_PAGE = 50
OVERLAP = timedelta(days=1)  # covers sites whose clock or zone is not what they say


def wordpress_address(url: str, modified_after: datetime | None) -> str:
    """The address to ask: newest changes first, with the names of categories; what the operator's
    own address says stands."""
    asked = {"_embed": "1", "per_page": str(PER_PAGE), "orderby": "modified", "order": "desc"}
    if modified_after is not None:
        since = (modified_after - OVERLAP).astimezone(UTC)
        asked["modified_after"] = since.strftime("%Y-%m-%dT%H:%M:%SZ")
    parts = urlsplit(url)
    asked |= dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((*parts[:3], urlencode(asked), ""))


def read_wordpress(content: bytes, url: str, *, is_partial: bool = False) -> Listing:
    """The posts of a REST answer.

    Raises:
        ListingError: no list of posts; an error of WordPress is named.
    """
    try:
        posts = parse_object(b'{"items": ' + content.removeprefix(b"\xef\xbb\xbf") + b"}")["items"]
    except PayloadError as error:
        raise ListingError("no JSON came") from error
    if not isinstance(posts, list):
        code = posts.get("code") if isinstance(posts, dict) else None
        raise ListingError(f"no list of posts came, but {str(code or type(posts).__name__)[:60]}")
    entries = [_entry(post, url) for post in posts if isinstance(post, dict)]
    return Listing(tuple(entry for entry in entries if entry is not None), is_partial)


def newest_change(listing: Listing) -> datetime | None:
    """The latest `modified_gmt`, for the next question."""
    found = []
    for entry in listing.entries:
        try:
            found.append(datetime.fromisoformat(str(entry.event.get("modified_gmt"))))
        except ValueError:
            continue
    latest = max((moment.replace(tzinfo=UTC) for moment in found), default=None)
    return latest if latest and 1990 <= latest.year <= 2200 else None


def _entry(post: dict[str, Any], base: str) -> Entry | None:
    link, number = address(base, post.get("link")), post.get("id")
    if not link or not number:
        return None
    version = version_of([post.get("modified_gmt"), post.get("status")])
    return Entry(key_of(link), link, version, PRESET, post, is_whole=True)
