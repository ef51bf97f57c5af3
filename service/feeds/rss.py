"""RSS 2.0 by feedgen, with the corrections that its 1.0.0 needs (feeds guide, section 4)."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit, urlunsplit

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from service.feeds.entries import Entry

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"
TIME_TO_LIVE_MIN = 5


@dataclass(frozen=True)
class Channel:
    """What a feed says of itself."""

    title: str
    description: str
    link: str
    self_url: str
    language: str
    city: str
    tag_authority: str  # owner and year of the tag URIs (RFC 4151): never changes


class ChannelFixes(BaseExtension):  # type: ignore[misc]
    """Puts the web page back into `link`, which feedgen sets to the last link that was added."""

    def __init__(self) -> None:
        self.page = ""

    def set_page(self, page: str) -> None:
        self.page = page

    def extend_ns(self) -> dict[str, str]:
        return {"dc": DC}

    def extend_rss(self, feed: etree._Element) -> etree._Element:
        channel = feed.find("channel")
        assert channel is not None, "feedgen always makes a channel"
        link = channel.find("link")
        assert link is not None, "feedgen always makes a link"
        link.text = self.page
        return feed


class EntryFixes(BaseEntryExtension):  # type: ignore[misc]
    """Adds what RSS loses: the author without an e-mail address, and the time of the last edit."""

    def __init__(self) -> None:
        self.creator = ""
        self.updated = ""

    def set(self, creator: str, updated: datetime) -> None:
        self.creator, self.updated = creator, updated.isoformat()

    def extend_rss(self, entry: etree._Element) -> etree._Element:
        etree.SubElement(entry, f"{{{DC}}}creator").text = self.creator
        etree.SubElement(entry, f"{{{ATOM}}}updated").text = self.updated
        description, content = entry.find("description"), entry.find("{*}encoded")
        if description is not None and content is not None:
            entry.remove(content)
            description.addnext(content)  # readers take the first; the profile wants this order
        return entry


def render_rss(channel: Channel, entries: list[Entry], changed_at: datetime) -> bytes:
    """The feed as bytes; the same state gives the same bytes."""
    feed = FeedGenerator()
    feed.register_extension("fixes", ChannelFixes, EntryFixes)
    feed.title(channel.title)
    feed.description(channel.description)
    feed.link(href=channel.self_url, rel="self", type="application/rss+xml")
    feed.fixes.set_page(channel.link)
    feed.language(channel.language)
    feed.generator("Tellal")
    feed.docs("https://www.rssboard.org/rss-specification")
    feed.ttl(TIME_TO_LIVE_MIN)
    feed.lastBuildDate(_whole_second(changed_at))
    for item in entries:
        _add(feed, channel, item)
    xml: bytes = feed.rss_str(pretty=False)
    return _TITLE.sub(_with_numbered_marks, xml)


_TITLE = re.compile(rb"<title>[^<]*</title>")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def _with_numbered_marks(title: re.Match[bytes]) -> bytes:
    """Titles are plain text; readers that take them for HTML stumble least over these."""
    return title[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;")


def _clean(text: str) -> str:
    """Drop what XML 1.0 forbids: one bad article would break every feed that holds it."""
    return _FORBIDDEN.sub("", text)


def _add(feed: FeedGenerator, channel: Channel, item: Entry) -> None:
    entry = feed.add_entry(order="append")
    tag = f"tag:{channel.tag_authority},{item.created_at:%Y-%m-%d}:article/{item.article_id}"
    entry.guid(tag, permalink=False)
    entry.title(_clean(item.title))
    entry.link(href=ascii_url(item.url))
    entry.description(html.escape(_clean(item.summary) or _clean(item.title), quote=False))
    if item.body_html:
        entry.content(_clean(item.body_html).replace("]]>", "]]&gt;"), type="CDATA")
    entry.pubDate(_whole_second(item.published_at))
    for _slug, name in item.topics:
        entry.category(term=name)
    entry.fixes.set(channel.city, _whole_second(item.changed_at))


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


def _whole_second(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)
