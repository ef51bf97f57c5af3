"""What entries say, made fit for any format: clean text, ASCII addresses, permanent ids."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache

from babel import Locale

from service.archive.xml_text import ascii_url, clean
from service.feeds.entries import Entry, Withdrawn
from service.feeds.feed import Publisher

# Marks that turn the direction of what follows: in a list of titles they reach into the next one.
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Where a reader that takes a title for HTML would begin to read markup.
_LIKE_MARKUP = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)")
_WORD_JOINER = "\u2060"  # has no width, and is no letter
_LANGUAGE = re.compile("[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
WITHDRAWN = {"tr": "Geri çekildi", "en": "Withdrawn"}
UNTITLED = {"tr": "Başlıksız haber", "en": "Untitled news"}


def one_line(text: str) -> str:
    """As `clean`, on one line, and read in the direction that its letters have."""
    return " ".join(_TURNING.sub("", clean(text)).split())


def line(text: str) -> str:
    """As `one_line`, for where formats want plain text: what looks like markup is shown as it was
    written, too, by readers that guess whether a text is HTML."""
    return _LIKE_MARKUP.sub(lambda found: found[0] + _WORD_JOINER, one_line(text))


def title(entry: Entry) -> str:
    """Never empty: formats ask for one, and readers show a list of nothing else."""
    return line(entry.title) or line(entry.summary) or said(UNTITLED, entry.language)


def said(texts: dict[str, str], language: str) -> str:
    """A sentence of ours, in the nearest language that we speak."""
    return texts[ours(language)]


def ours(language: str) -> str:
    """Turkish or English."""
    return "tr" if language.partition("-")[0] == "tr" else "en"


def spoken(language: str) -> str:
    """An article's language as readers of feeds know it (BCP 47); empty for none that there is."""
    primary = language.partition("-")[0]
    return language if _LANGUAGE.fullmatch(language) and primary in _languages() else ""


@cache
def _languages() -> frozenset[str]:
    return frozenset(Locale("en").languages)


def other_language(publisher: Publisher, language: str) -> str:
    """Empty where it is the feed's own, or none."""
    return "" if language == publisher.language else language


def tag(publisher: Publisher, article: Entry | Withdrawn) -> str:
    """An article's id in all feeds and formats, for ever (RFC 4151)."""
    return article_tag(publisher.tag_authority, article.created_at, article.article_id)


def article_tag(authority: str, created_at: datetime, article_id: int) -> str:
    """The same of an article that is known by its number."""
    return f"tag:{authority},{created_at:%Y-%m-%d}:article/{article_id}"


def address(publisher: Publisher, entry: Entry) -> str:
    """Where an article is read: where the city published it, else on our page."""
    return ascii_url(entry.url) or page(publisher, entry)


def page(publisher: Publisher, entry: Entry) -> str:
    """Our page of it: why it has its topics, what else is told of the same."""
    return f"{publisher.base_url}/haber/{entry.article_id}-{entry.slug}"


def gone_address(publisher: Publisher, article: Withdrawn) -> str:
    """Our page that says why an article is gone."""
    return f"{publisher.base_url}/haber/{article.article_id}"


def whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
