"""What entries say, made fit for any format: clean text, ASCII addresses, permanent ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit, urlunsplit

from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Publisher

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
WITHDRAWN = {"tr": "Geri çekildi", "en": "Withdrawn"}


def clean(text: str) -> str:
    """Drop what XML 1.0 forbids: one bad article would break every feed that holds it."""
    return _FORBIDDEN.sub("", text)


def tag(publisher: Publisher, article: Entry | Withdrawn) -> str:
    """An article's id in all feeds and formats, for ever (RFC 4151)."""
    day = f"{article.created_at:%Y-%m-%d}"
    return f"tag:{publisher.tag_authority},{day}:article/{article.article_id}"


def address(publisher: Publisher, entry: Entry) -> str:
    """Where an article is read: where the city published it, else on our page."""
    if entry.url:
        return ascii_url(entry.url)
    return f"{publisher.base_url}/haber/{entry.article_id}-{entry.slug}"


def gone_address(publisher: Publisher, article: Withdrawn) -> str:
    """Our page that says why an article is gone."""
    return f"{publisher.base_url}/haber/{article.article_id}"


def ascii_url(url: str) -> str:
    """Percent-encode what is not ASCII: `ş` becomes `%C5%9F`, and a Turkish host an A-label."""
    safe = "/%:=&?~#+!$,;'@()*[]"
    try:
        parts = urlsplit(url)
        host = parts.netloc.encode("idna").decode()
    except ValueError:
        return quote(url, safe)
    rest = (quote(part, safe) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, quote(host, safe), *rest))


def whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
