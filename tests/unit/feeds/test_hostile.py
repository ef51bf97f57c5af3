"""Whatever an article holds, the feeds that hold it are valid."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from service.feeds.formats import Format
from service.feeds.texts import ascii_url, clean, line
from tests.feed_rules import findings
from tests.unit.feeds.made import FEED, PUBLISHER, entry, joined

TEXTS = [
    "\x00\x01\x08\x0b\x0c\x1f\x7f\x85\x9f",
    "\ud800 \udfff \ufffe \uffff \ufdd0",
    "]]> <![CDATA[ <!-- --> <?x?> </item></entry></feed>",
    "&nbsp; &amp; &#0; &#1; &#xD800; &#xFFFE; &yok; &",
    "🌊👩\u200d👩\u200d👧\U0010ffff\U0001f1f9\U0001f1f7",
    "\u202eters\u202c \u2066ayrı\u2069 \u200f",
    "<b>kalın</b> <script>alert(1)</script> <a href='javascript:alert(1)'>x</a>",
    '<a href="java&#1;script:alert(1)">x</a><img src="data:text/html,x" onerror="x">',
    '<a href="https://a@b.example/">x</a><a href="http://[::1">x</a><a href="//ş.tr:99999/">x</a>',
    "",
    " \n\t ",
    "ı" * 10_000,
]
ADDRESSES = {
    "https://www.example.bel.tr/çöp?a=ş&b=1#ü": (
        "https://www.example.bel.tr/%C3%A7%C3%B6p?a=%C5%9F&b=1#%C3%BC"
    ),
    "https://şehir.example/": "https://xn--ehir-45a.example/",
    'https://a.example/x y"<>[]|': "https://a.example/x%20y%22%3C%3E%5B%5D%7C",
    "https://a.example/%C5%9F%zz%": "https://a.example/%C5%9F%25zz%25",
    "http://[2001:db8::1]:8080/a": "http://[2001:db8::1]:8080/a",
    " https://a.example ": "https://a.example",
    "javascript:alert(1)": "",
    "java\x01script:alert(1)": "",
    "data:text/html,x": "",
    "//a.example/": "",
    "/haber/1": "",
    "https://": "",
    "https://ayse:parola@a.example/": "",
    "https://@a.example/": "",
    "https://a.example:99999/": "",
    "https://a.example:x/": "",
    "https://a b.example/": "",
    "https://[::1/": "",
    "https://a..example/": "",
    f"https://{'ş' * 80}.example/": "",
    "": "",
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_an_address_becomes_ascii_or_is_none(url):
    assert ascii_url(url) == ADDRESSES[url]


def test_any_known_trick_gives_a_valid_feed(wanted, subtests):
    for text in TEXTS:
        with subtests.test(text[:20].encode("utf-8", "replace")):
            hostile = entry(
                title=text,
                summary=text,
                body_html=text,
                url=text,
                image={"url": text, "alt": text},
                topics=(("iklim-cevre", text),),
            )
            feed = replace(FEED, title=f"a{text}", description=f"a{text}")
            feed = replace(feed, publisher=replace(PUBLISHER, city=f"a{text}"))
            body = joined(wanted, [hostile, entry(2)], feed)
            assert findings(body) == []


@given(
    st.text(),
    st.text() | st.text("<>/&;#x \"'=abhrefscimgp]![CDATA-:\x01\x1f"),
    st.text("htps:/@.[]#?%ş \x01a") | st.just("https://a.example/"),
)
def test_any_text_gives_a_valid_feed(title, body_html, url):
    article = entry(title=title, summary=body_html, body_html=body_html, url=url)
    for wanted in Format:
        assert findings(joined(wanted, [article])) == []


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cn", "Co"]), min_size=1))
def test_texts_come_out_as_they_were_written(text):
    kept = line(text)
    article = [entry(title=text, summary=text)]
    if not kept:
        return
    atom, rss = (etree.fromstring(joined(one, article)) for one in (Format.ATOM, Format.RSS))
    assert atom.findtext("{*}entry/{*}title") == kept
    assert rss.findtext("channel/item/title") == kept
    assert json.loads(joined(Format.JSON, article))["items"][0]["summary"] == kept


def test_an_untitled_article_has_a_title(wanted):
    for fields, title in (
        ({"title": "\x01", "summary": "Özet"}, "Özet"),
        ({"title": "", "summary": ""}, "Başlıksız haber"),
        ({"title": "", "summary": "", "language": "en"}, "Untitled news"),
    ):
        body = joined(wanted, [entry(**fields)])
        assert title in body.decode()
        assert findings(body) == []


def test_large_feeds_are_valid(wanted):
    """25 articles of the 200 KB that the intake takes: near the 5 MB that validators read."""
    text = "<p>" + "Uzun bir cümle &amp; bir başka. " * 5_300 + "</p>"
    body = joined(wanted, [entry(number, body_html=text) for number in range(1, 26)])

    assert 4_300_000 < len(body) < 5_300_000
    assert findings(body) == []


def test_cleaning_twice_is_cleaning_once():
    for text in TEXTS:
        assert clean(clean(text)) == clean(text)
        assert line(line(text)) == line(text)


def test_what_looks_like_markup_is_shown_as_it_was_written(wanted):
    """By readers that take titles for HTML, too: no tag begins, and no entity."""
    body = joined(wanted, [entry(title="<b>A</b> &amp; B &nbsp; < C")])
    shown = "<\u2060b>A<\u2060/b> &\u2060amp; B &\u2060nbsp; < C"

    if wanted == Format.JSON:
        assert json.loads(body)["items"][0]["title"] == shown
    else:
        path = "{*}entry/{*}title" if wanted == Format.ATOM else "channel/item/title"
        assert etree.fromstring(body).findtext(path) == shown
