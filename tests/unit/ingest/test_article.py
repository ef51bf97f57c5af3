"""The canonical article: what is cleaned, what is refused, and what makes two versions equal."""

from __future__ import annotations

import re
import time
import unicodedata
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.ingest.article import (
    CanonicalArticle,
    clean_html,
    clean_line,
    clean_text,
    content_hash,
    in_zone,
    text_of,
)

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\u200b\u2060\ufeff\ufffe\uffff]")


def article(**fields: Any) -> CanonicalArticle:
    return CanonicalArticle.model_validate(
        {
            "id": "1",
            "state": "published",
            "title": "İklim",
            "url": "https://www.example.bel.tr/haber/1",
            "body_html": "<p>Gövde</p>",
            **fields,
        }
    )


def is_refused(**fields: Any) -> bool:
    try:
        article(**fields)
    except ValidationError:
        return True
    return False


@given(st.text())
def test_cleaned_text_is_composed_and_has_no_control_characters(text):
    found = clean_text(text)

    assert not FORBIDDEN.search(found)
    assert unicodedata.is_normalized("NFC", found)
    assert clean_text(found) == found
    assert "\n" not in clean_line(text)


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  a \t b  ", "a b"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("I\u0307zmir g\u0306u\u0308", "İzmir ğü"),
        ("bir\u200biki\ufeff\u2060", "biriki"),
        ("a\x00\x07\x1b[31mb", "a[31mb"),
        ("a\x80\x9fb\x85c", "ab\nc"),
        ("Ba\u00c5\x9fkan", "Ba\u00c5\ufffdkan"),
        ("a\u00a0b", "a b"),
        ("ıIiİ", "ıIiİ"),
    ],
)
def test_text_is_cleaned(raw, clean):
    assert clean_text(raw) == clean


XSS = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<scr<!-- -->ipt>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://a.tr/x' onload=alert(1)>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href=' java\nscript:alert(1)'>x</a>",
    "<a href='java&#1;script:alert(1)'>x</a>",
    "<a href='&#1;javascript:alert(1)'>x</a>",
    "<a href='java\x01script:alert(1)'>x</a>",
    "<a href='JaVaScRiPt&colon;alert(1)'>x</a>",
    "<a href='data:text/html;base64,PHNjcmlwdD4='>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<iframe src='https://evil.example'></iframe>",
    "<form action='/u/x'><input type=submit></form>",
    "<style>body{display:none}</style>",
    "<p style='position:fixed;inset:0'>x</p>",
    "<object data='x'></object><embed src='x'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href='https://evil.example/'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><script>alert(1)</script></template>",
    "<p><!--[if IE]><script>alert(1)</script><![endif]--></p>",
    "\u0001<s\u0000cript>alert(1)</script>",
    "<a href='https://a.tr/' onclick='alert(1)' target='_blank'>x</a>",
    "<img src='javascript:alert(1)'>",
    "<details open ontoggle=alert(1)>x</details>",
]
DANGER = re.compile(
    r"<(?:/?)(?:script|style|svg|math|iframe|form|input|object|embed|meta|base|template|noscript)"
    r"|\son\w+\s*=|(?:java|vb)script:|data:|style\s*=|target\s*=|<!--",
    re.I,
)


@pytest.mark.parametrize("html", XSS)
def test_nothing_that_runs_loads_or_restyles_survives(html):
    once = clean_html(html)

    assert not DANGER.search(once)
    assert not FORBIDDEN.search(once)
    assert clean_html(once) == once


@given(st.lists(st.sampled_from(XSS) | st.text(max_size=10), max_size=4).map("".join))
def test_no_mixture_of_them_survives_either(html):
    assert not DANGER.search(clean_html(html).replace("data:", "", html.count(" data:")))


def test_what_an_article_needs_is_kept():
    html = (
        '<h2>Başlık</h2><p lang="en">A <strong>b</strong> <em>c</em></p><ul><li>d</li></ul>'
        '<table><tbody><tr><td colspan="2">e</td></tr></tbody></table>'
        '<figure><img src="https://a.tr/b.jpg" alt="Körfez"><figcaption>f</figcaption></figure>'
        '<a href="https://a.tr/?b=1&amp;c=2" rel="noopener noreferrer">g</a>'
        '<a href="mailto:a@b.tr" rel="noopener noreferrer">h</a>'
    )
    assert clean_html(html) == html


def test_block_comments_and_empty_paragraphs_go():
    html = "<!-- wp:paragraph --><p>a</p><p>&nbsp;</p><p> \u00a0\n</p><p></p><!-- /wp -->"

    assert clean_html(html) == "<p>a</p>"


@pytest.mark.parametrize(
    "html",
    ["<!--" * 50_000, "<p>" * 66_000, "&nbsp;" * 33_000, "<p>" + " " * 199_000, "<" * 200_000],
    ids=["comments", "paragraphs", "nbsp", "spaces", "brackets"],
)
def test_hostile_html_of_full_length_is_cleaned_in_time(html):
    start = time.monotonic()

    text_of(clean_html(html[:200_000]))

    assert time.monotonic() - start < 5


def test_html_that_would_grow_without_bound_is_refused():
    assert is_refused(body_html="".join(f"<b title={i}><p>" for i in range(10_000)))
    assert is_refused(body_html="<div>" * 40_000)
    assert not is_refused(body_html="<p>a<li>b" * 1_000)
    assert not is_refused(body_html="<b>a</b><div>b</div>" * 1_000)


def test_text_of_html_has_a_line_for_each_block_and_no_marks():
    html = "<h2>A</h2><p>B &amp;lt; &lt;c&gt;&nbsp;d<br>e</p><ul><li>f</li><li>g</li></ul>"

    assert text_of(clean_html(html)) == "A\nB &lt; <c> d\ne\nf\ng"


def test_plain_text_becomes_escaped_paragraphs():
    found = article(body_html=None, body_text="Bir <b> & iki\n\nüç")

    assert found.html().count("<p>") == 2
    assert "<b>" not in found.html()
    assert found.text() == "Bir <b> & iki\n\nüç"


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "x",
            "/haber/1",
            "//a.tr/1",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a.tr/",
        ),
        *("https://", "https:///x", "https://a b.tr/", "https://a.tr/\n", "https://a.tr/<script>"),
        *(
            "https://[::1",
            "https://a.tr:99999/",
            "https://a.tr:x/",
            'https://a.tr/"x',
            "https://a\\b",
        ),
        *(
            "https://u:p@a.tr/",
            "https://izmir.bel.tr@evil.example/",
            "https://ş..tr/",
            "https://a\x7f.tr",
        ),
        *("https://a.tr/\x80", "https://a.tr/\u200b", "https://a.tr/\ufeff"),
        *("https://" + "ş" * 64 + ".tr/", "https://a.tr/\u2028", "https://a.tr/" + "x" * 2000),
    ],
)
def test_what_is_no_address_of_the_web_is_refused(url):
    assert is_refused(url=url)


@pytest.mark.parametrize(
    "url", ["https://a.tr", "http://a.tr/", "https://şehir.tr/çöp?ı=ğ#ü", "https://a.tr:8443/x"]
)
def test_addresses_of_the_web_are_taken_as_they_are(url):
    assert article(url=url).url == url


def test_dates_without_a_zone_take_the_zone_of_the_source():
    naive = article(published_at="2025-06-06 10:00:00").published_at

    assert in_zone(naive, "Europe/Istanbul").astimezone(UTC) == datetime(2025, 6, 6, 7, tzinfo=UTC)
    assert in_zone(datetime(2025, 6, 6, tzinfo=UTC), "Europe/Istanbul").tzinfo == UTC
    assert in_zone(None, "Europe/Istanbul") is None


def test_the_zero_date_of_wordpress_is_no_date():
    assert article(published_at="0000-00-00 00:00:00").published_at is None


@pytest.mark.parametrize(
    "date",
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "1899-12-31T00:00:00Z", 1e300, "x"],
)
def test_a_date_beyond_the_calendar_is_refused(date):
    assert is_refused(published_at=date)


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({"title": "ş"}, 300),
        ({"summary": "ş"}, 1000),
        ({"body_text": "ş"}, 200_000),
        ({"change_note": "ş"}, 1000),
        ({"id": "a"}, 200),
    ],
    ids=lambda value: str(value),
)
def test_limits_count_characters_after_cleaning(fields, limit):
    ((name, letter),) = fields.items()
    assert not is_refused(**{name: letter * limit})
    assert is_refused(**{name: letter * (limit + 1)})
    if name != "id":
        assert not is_refused(**{name: letter * limit + "\u200b "})


def test_a_withdrawal_needs_no_more_than_its_id():
    assert CanonicalArticle.model_validate({"id": "1", "state": "withdrawn"}).title == ""


def test_unknown_fields_are_ignored():
    assert not hasattr(article(password="x"), "password")


def digest(**fields: Any) -> str:
    found = article(**fields)
    return content_hash(found, found.text())


SAME = [
    {"body_html": "<div><p class='x'>Gövde</p></div><!-- v2 -->"},
    {"body_html": None, "body_text": "Gövde"},
    {"title": " İklim\u200b"},
    {"title": "I\u0307klim"},
    {"published_at": "2025-06-06T10:00:00Z"},
    {"updated_at": "2025-06-06T10:00:00Z"},
    {"image": {"url": "https://a.tr/x.jpg"}},
    {"notify_update": True, "change_note": "x"},
    {"views": 7},
]
DIFFERENT = [
    {"title": "iklim"},
    {"title": "Iklim"},
    {"summary": "x"},
    {"body_html": "<p>Govde</p>"},
    {"body_html": "<p>Gövde</p><p>2</p>"},
    {"url": "https://www.example.bel.tr/haber/2"},
    {"language": "en"},
    {"sections": ["a"]},
    {"tags": ["a"]},
    {"places": ["konak"]},
    {"urgent": True},
    {"commercial": True},
]


@pytest.mark.parametrize("fields", SAME, ids=str)
def test_times_and_markup_make_no_new_version(fields):
    assert digest(**fields) == digest()


def test_each_word_and_each_mark_that_decides_makes_a_new_version():
    found = [digest(), *(digest(**fields) for fields in DIFFERENT)]

    assert len(set(found)) == len(found)
    assert digest(sections=["a"]) != digest(tags=["a"])
