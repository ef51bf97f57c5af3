"""The readable part of an article's address."""

from __future__ import annotations

from urllib.parse import urlsplit

from service.classify.text import slugify

MAX_SLUG = 80  # characters, cut between words
NO_WORD = "haber"  # for a title that has no letter of ours


def slug_of(title: str) -> str:
    """A title as a part of an address: ASCII words joined by hyphens, never empty."""
    slug = slugify(title)
    if len(slug) > MAX_SLUG:
        cut = slug[: MAX_SLUG + 1].rpartition("-")[0]
        slug = cut or slug[:MAX_SLUG]
    return slug or NO_WORD


def city_address(url: str) -> str:
    """Where the city published an article, if that is a web page; else empty: ours is the only
    one."""
    try:
        parts = urlsplit(url)
        is_page = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return ""
    return url if is_page else ""


def origin_of(url: str) -> str:
    """Scheme, host and port of an address, in lower case."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
