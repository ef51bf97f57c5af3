"""feedgen's faults by feedgen alone. A failure here is good news: feedgen has mended it, and the
workaround that the test names may go (with `feedgen` pinned to the release that did)."""

from __future__ import annotations

import locale
from datetime import UTC, datetime

import pytest
from feedgen import util
from feedgen.feed import FeedGenerator
from lxml import etree

from service.feeds.feedgen_fixes import ATOM

AT = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def plain() -> FeedGenerator:
    """A feed as feedgen's manual has it."""
    feed = FeedGenerator()
    feed.id("https://city.example/all.atom")
    feed.title("Haberler & duyurular")
    feed.description("Bütün haberler")
    feed.link(href="https://city.example/all.atom", rel="self")
    feed.updated(AT)
    return feed


def with_entry(**link: str) -> tuple[FeedGenerator, object]:
    feed = plain()
    entry = feed.add_entry(order="append")
    entry.id("tag:city.example,2026:1")
    entry.title("A & B < C")
    entry.updated(AT)
    entry.link(href="https://city.example/1", **link)
    return feed, entry


def test_links_of_atom_entries_lose_their_attributes():
    """Mended: `EntryFixes.links` and its part of `extend_atom` may go."""
    feed, _ = with_entry(type="text/html", hreflang="tr", title="Haber")
    (link,) = etree.fromstring(feed.atom_str()).findall(f".//{{{ATOM}}}entry/{{{ATOM}}}link")
    assert dict(link.attrib) == {"href": "https://city.example/1"}


def test_the_channel_link_of_rss_is_the_last_link_that_was_added():
    """Mended: `ChannelFixes.page` may go."""
    feed = plain()
    feed.link(href="https://city.example/", rel="alternate")
    feed.link(href="https://city.example/hub", rel="hub")
    assert etree.fromstring(feed.rss_str()).findtext("channel/link") == "https://city.example/hub"


def test_rss_keeps_no_link_but_self():
    """Mended: `ChannelFixes.links` and its part of `extend_rss` may go."""
    feed = plain()
    feed.link(href="https://city.example/hub", rel="hub")
    (link,) = etree.fromstring(feed.rss_str()).findall(f"channel/{{{ATOM}}}link")
    assert link.get("rel") == "self"


def test_an_author_without_an_email_address_vanishes_from_rss():
    """Mended (as dc:creator): `EntryFixes.creator` may go."""
    feed, entry = with_entry()
    entry.author(name="Büyükşehir Belediyesi")
    assert "Belediyesi" not in feed.rss_str().decode()


def test_marks_in_titles_of_rss_are_written_as_names():
    """Mended: `rss.written` may go."""
    feed, _ = with_entry()
    assert b"<title>A &amp; B &lt; C</title>" in feed.rss_str()


def test_the_time_of_an_entry_is_the_present_unless_it_is_told():
    """Mended: nothing may go, the writers tell every time; but then forgetting one raises."""
    feed = plain()
    entry = feed.add_entry()
    entry.id("tag:city.example,2026:1")
    entry.title("A")
    entry.link(href="https://city.example/1")
    assert abs(entry.updated() - datetime.now(UTC)).total_seconds() < 60


def test_a_new_entry_stands_first():
    """Mended: `order="append"` may go."""
    feed = plain()
    for number in (1, 2):
        entry = feed.add_entry()
        entry.id(f"tag:city.example,2026:{number}")
    assert feed.entry()[0].id().endswith(":2")


def test_cdata_becomes_a_type_of_atom():
    """Mended: content may be given once to both formats."""
    feed, entry = with_entry()
    entry.content("<p>Metin</p>", type="CDATA")
    assert b'type="CDATA"' in feed.atom_str()


def test_xhtml_knows_no_names_of_html():
    """Mended: Atom's content could be xhtml; `type="html"` stays right."""
    feed, entry = with_entry()
    entry.content("<p>a&nbsp;b</p>", type="xhtml")
    with pytest.raises(etree.XMLSyntaxError):
        feed.atom_str()


def test_a_description_takes_the_place_of_the_content():
    """Mended: nothing may go; Atom is given its summary by `summary()`."""
    feed, entry = with_entry()
    entry.content("<p>Metin</p>", type="html")
    entry.description("Özet")
    assert b"Metin" not in feed.atom_str()


def test_characters_that_xml_forbids_are_refused():
    """Mended: `texts.clean` still must drop them for JSON and for readers."""
    feed, entry = with_entry()
    entry.title("a\x0bb")
    with pytest.raises(ValueError, match="XML compatible"):
        feed.atom_str()


def test_a_time_without_a_zone_is_refused():
    """Mended: nothing may go, our times have a zone; it would be a guess of feedgen's."""
    _, entry = with_entry()
    with pytest.raises(ValueError, match="timezone"):
        entry.updated(AT.replace(tzinfo=None))


def test_an_entry_without_a_link_or_content_is_refused():
    """Mended: `item.link` in `atom.add` may go."""
    feed = plain()
    entry = feed.add_entry()
    entry.id("tag:city.example,2026:1")
    entry.title("A")
    with pytest.raises(ValueError, match="alternate link"):
        feed.atom_str()


def test_a_date_of_rss_switches_the_locale_of_the_process(monkeypatch):
    """Mended: the replaced `formatRFC2822` may go."""
    switched = []
    monkeypatch.setattr(
        locale, "setlocale", lambda category, value=None: switched.append(value) or "C"
    )
    util.formatRFC2822(AT)
    assert switched == [None, "C", "C"]


def test_an_input_field_is_written_in_attributes():
    """Mended: nothing may go; no feed of ours has one, nor feedgen's syndication module."""
    feed = plain()
    feed.textInput("Ara", "Haber ara", "q", "https://city.example/ara")
    assert b'<textInput title="Ara"' in feed.rss_str()
