"""Letters that are joined: right for each reader, and by the rules of the email guide."""

from __future__ import annotations

import email
import email.policy
import itertools
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.messages.email import Letterhead
from service.messages.letter import LetterError
from service.messages.segments import SegmentError, Segments, new_mark
from tests.unit.messages.signing import DOMAIN, SELECTOR, passes_dkimpy, pem, perl_says
from tests.unit.messages.stories import (
    CLIMATE,
    HOUSE,
    PLACES,
    TRAFFIC,
    VAULT,
    edition,
    reader,
    settings,
    story,
)
from tests.unit.messages.test_letter import check
from workers.email.dkim import SIGNED, Signer, relaxed_body

STRICT = email.policy.strict
NOW = 1_780_000_000
HOSTILE = {
    "plain": "Körfezde bahar temizliği",
    "line breaks": "a\r\nBcc: x@example.org\r\n\r\nb",
    "zero": "a\0b",
    "markup": "<script>alert(1)</script></title> & \"x\" 'y'",
    "template": "{{ 7*7 }} {% include 'x' %} {# c #}",
    "capital i": "İSTANBUL ıssız İĞÜŞÖÇ",
    "right to left": "أخبار المدينة \u202eabc",
    "emoji": "🌊👩‍👩‍👧‍👦" * 20,
    "64 KB": "uzun başlık " * 5_400,
    "64 KB in one word": "ş" * 32_768,
    "encoded word": "=?utf-8?q?=0D=0ABcc:_x?=",
    "dots": ".\n..\n.nokta",
    "percent": "%s %(x)s %b {0} $x",
    "surrogate": "a\ud800b",
    "no character": "a\ufffe\uffffb",
    "empty": "",
}
KINDS = ("new", "correction", "withdrawal")
LANGUAGES = ("tr", "en")


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer(pem(), DOMAIN, SELECTOR)


def hostile(text: str, kind: str = "new"):
    return story(
        title=text,
        summary=text,
        note=text,
        kind=kind,
        original=None if kind == "new" else 4,
        topics=(replace(CLIMATE, tr=text, en=text), TRAFFIC),
        terms={7: (text,)},
        places=(replace(PLACES[3], tr=text, en=text),),
    )


def parsed(raw: bytes):
    return email.message_from_bytes(raw, policy=STRICT)


def parts(raw: bytes) -> list[str]:
    return [part.get_content().replace("\r\n", "\n") for part in parsed(raw).iter_parts()]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_every_letter_keeps_the_rules_whatever_the_story_says(signer, text, language, kind):
    """Criteria 10 and 11."""
    to = reader(language=language, topic_id=7, place_id=3)

    raw = signer.sign_letter(edition(hostile(text, kind)).letter(to), NOW)

    check(raw)
    check_headers(raw, kind)
    check_body(raw)


@given(
    st.text(max_size=300), st.text(max_size=900), st.sampled_from(KINDS), st.sampled_from(LANGUAGES)
)
def test_every_letter_keeps_the_rules_whatever_is_made_up(title, summary, kind, language):
    """Criteria 10, 11 and 19."""
    raw = (
        edition(replace(hostile(title, kind), summary=summary))
        .letter(reader(language=language, place_id=3))
        .as_bytes()
    )

    check(raw)
    check_headers(raw, kind)
    check_body(raw)


def check_headers(raw: bytes, kind: str) -> None:
    """Rules 3 to 7."""
    found = parsed(raw)
    token = VAULT.token("unsubscribe", 9, 11, 5)
    assert [name for name in found if found.get_all(name) and len(found.get_all(name)) > 1] == []
    assert found["From"].addresses[0].addr_spec == "haber@tellal.example"
    assert found["To"] == "okur@example.org"
    assert found["Date"].datetime == datetime(2025, 6, 6, 7, 30, tzinfo=UTC)
    assert found["Message-ID"] == f"<{VAULT.token('mail', 9, 11)}@tellal.example>"
    assert found["List-Unsubscribe"].startswith(f"<https://tellal.example/u/{token}>")
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found["List-Id"] == "<iklim-cevre.haber.tellal.example>"
    assert found["Feedback-ID"] == "iklim-cevre:article:tellal"
    assert found["Auto-Submitted"] == "auto-generated"
    follows = f"<{VAULT.token('mail', 4, 11)}@tellal.example>" if kind != "new" else None
    assert found["References"] == found["In-Reply-To"] == follows
    if "DKIM-Signature" in found:
        signed = re.search(r"h=([^;]+);", found["DKIM-Signature"]).group(1)
        names = re.sub(r"\s", "", signed).split(":")
        expected = [name.decode() for name in SIGNED if name.decode() in map(str.lower, found)]
        assert names == [*expected, "from"]


def check_body(raw: bytes) -> None:
    """Rule 8: both parts with the same content and links, and one way out in each."""
    text, html = parts(raw)
    way = f"https://tellal.example/u/{VAULT.token('unsubscribe', 9, 11, 5)}"
    assert text.split().count(way) == 1
    assert html.count(f'href="{way}"') == 1
    assert len(raw) < 60_000
    body = raw.partition(b"\r\n\r\n")[2]
    assert relaxed_body(body) == body
    assert not re.search(rb"(?m)^\.", raw)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_two_programs_find_every_kind_of_letter_valid(signer, language, kind):
    """Criterion 9."""
    letter = edition(hostile(HOSTILE["markup"], kind)).letter(reader(language=language))

    raw = signer.sign_letter(letter, NOW)

    assert passes_dkimpy(raw)
    assert perl_says(raw) == "pass"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.replace(b"=C3=96zet", b"=C3=96zel"), id="the text"),
        pytest.param(lambda raw: raw.replace(b"\r\nhttps://www", b"\r\nhttps://ww2"), id="a link"),
        pytest.param(lambda raw: raw.replace(b"/u/", b"/x/", 1), id="the way out"),
        pytest.param(lambda raw: raw.replace(b"okur@", b"baska@"), id="the reader"),
        pytest.param(lambda raw: b"From: kotu@evil.example\r\n" + raw, id="a second From"),
        pytest.param(lambda raw: raw + b"x\r\n", id="more text"),
    ],
)
def test_what_is_changed_on_the_way_is_found_out(signer, change):
    """Criterion 9."""
    raw = signer.sign_letter(edition().letter(reader()), NOW)
    changed = change(raw)
    assert changed != raw

    assert not passes_dkimpy(changed)
    assert perl_says(changed).startswith("fail")


@given(
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.sampled_from([None, 7, 8]),
    st.sampled_from([None, 3, 4]),
    st.integers(0, 20_000),
    st.sampled_from(LANGUAGES),
)
def test_the_quick_signature_is_the_careful_one(signer, to, reason, topic, place, days, language):
    letter = edition(story(topics=(CLIMATE, TRAFFIC))).letter(
        reader(
            destination_id=to,
            subscription_id=reason,
            topic_id=topic,
            place_id=place,
            language=language,
            subscribed_at=datetime(1990, 1, 1, tzinfo=UTC) + timedelta(days=days),
        )
    )

    assert signer.sign_letter(letter, NOW) == signer.sign(letter.as_bytes(), NOW)


def test_five_thousand_readers_get_their_own_letter_and_nobody_elses():
    """Criterion 8."""
    told = edition(story(topics=(CLIMATE, TRAFFIC), original=4, kind="correction"))
    readers = [
        reader(
            destination_id=number * 977,
            subscription_id=number * 31,
            address=f"okur.{number}@example.org",
            language=language,
            topic_id=topic,
            place_id=place,
            subscribed_at=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=7 * number),
        )
        for number, (language, topic, place) in zip(
            range(1, 5_001),
            itertools.cycle(itertools.product(LANGUAGES, (7, 8, None), (3, 4, None))),
            strict=False,
        )
    ]
    owners = {
        VAULT.token("unsubscribe", 9, r.destination_id, r.subscription_id): r for r in readers
    }
    assert len(owners) == 5_000
    token = re.compile(rb"(?<=/u/)(?:=\r\n)?[a-z2-7]+|[a-z2-7]{20,}(?=@)")

    for way, owner in owners.items():
        raw = told.letter(owner).as_bytes()

        mail = VAULT.token("mail", 9, owner.destination_id)
        first = VAULT.token("mail", 4, owner.destination_id)
        assert token.findall(raw).count(way.encode()) == 3
        assert {found.decode() for found in token.findall(raw)} == {way, mail, first}
        assert re.findall(rb"(?m)^To: (.*)\r$", raw) == [owner.address.encode()]
        assert raw.count(b"@example.org") == 1


@pytest.mark.parametrize(
    "base_url",
    [
        "https://a.tr",
        "https://haberler.buyuksehir-belediyesi.example.gov.tr/duyurular/abonelik",
        "https://haberler.example.org/" + "uzun/" * 30 + "uzun",
        "https://haberler.example.org/?a=1&b='2'",
    ],
)
@pytest.mark.parametrize("number", [1, 2**20, 2**40, 2**63 - 1])
def test_the_way_out_is_whole_however_long_it_is(signer, base_url, number):
    house = Letterhead(settings(base_url=base_url), VAULT)
    letter = edition(house=house).letter(reader(destination_id=number, subscription_id=number))

    raw = signer.sign_letter(letter, NOW)

    way = f"{base_url}/u/{VAULT.token('unsubscribe', 9, number, number)}"
    text, html = parts(raw)
    assert way in text.split()
    assert f'href="{way.replace("&", "&amp;").replace(chr(39), "&#x27;")}"' in html
    assert parsed(raw)["List-Unsubscribe"] == f"<{way}>"
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 76
    assert passes_dkimpy(raw)


@pytest.mark.parametrize(
    "address",
    [
        *("a", "a@", "@b.tr", "a@b@c.tr", "a b@c.tr", "<a@b.tr>", '"a"@b.tr', "a@b.tr,c@d.tr"),
        *("a@b.tr\r\nBcc: c@d.tr", "a@b.tr\n", "a\r@b.tr", "a\0@b.tr", "\ta@b.tr", "a@b.tr "),
        *("ışık@b.tr", "a@ışık.tr", "İ@b.tr", "a..b@c.tr", ".a@b.tr", "a.@b.tr", "a@-b.tr"),
        *("a@b..tr", "a@[127.0.0.1]", "a@b.tr>", f"{'a' * 65}@b.tr", f"a@{'b.' * 130}tr", ""),
        "a@b_c.tr",
    ],
    ids=repr,
)
def test_a_hostile_address_is_refused_in_plain_words(address):
    """Criterion 19."""
    with pytest.raises(LetterError, match="the address is not"):
        edition().letter(reader(address=address))


@pytest.mark.parametrize("address", ["a@b.tr", "a.b+c@b.tr", "o'k!#$%&*/=?^_`{|}~-@xn--k-wia.tr"])
def test_an_address_is_written_to_as_it_is(address):
    raw = edition().letter(reader(address=address)).as_bytes()

    assert f"\r\nTo: {address}\r\n".encode() in raw


def test_a_topic_whose_name_would_break_a_header_is_refused():
    with pytest.raises(LetterError, match="topic 7"):
        edition(story(topics=(replace(CLIMATE, slug="a>\r\nBcc: x"),)))


@pytest.mark.parametrize("value", ["<https://a.tr/u/>", "<{0}>, <{0}>, <{0}>"])
def test_headers_that_lose_or_double_a_readers_token_are_an_error(value, monkeypatch):
    monkeypatch.setattr(HOUSE, "ways_out", value.format)

    with pytest.raises(SegmentError, match=r"token is [03] times in the headers"):
        edition().letter(reader())


def test_a_second_way_out_carries_the_same_token(monkeypatch):
    monkeypatch.setattr(HOUSE, "ways_out", "<https://a.tr/u/{0}>,\r\n <mailto:u+{0}@a.tr>".format)
    token = VAULT.token("unsubscribe", 9, 11, 5)

    found = parsed(edition().letter(reader()).as_bytes())

    assert found["List-Unsubscribe"] == f"<https://a.tr/u/{token}>, <mailto:u+{token}@a.tr>"


def test_an_edition_is_rendered_once_for_each_language(monkeypatch):
    rendered = []
    whole = HOUSE.fill_in
    monkeypatch.setattr(
        HOUSE, "fill_in", lambda name, *more: rendered.append(name) or whole(name, *more)
    )
    told = edition()

    for number in range(50):
        told.letter(reader(destination_id=number, language=LANGUAGES[number % 2])).as_bytes()

    assert sorted(rendered) == ["article", "article", "why", "why"]


def test_no_article_can_hold_a_mark():
    """Marks are random; one that is seen in a letter is of no use in the next."""
    seen = new_mark()
    raw = edition(story(title=seen, summary=seen)).letter(reader()).as_bytes()

    assert raw.count(seen.encode()) >= 4


@given(st.lists(st.sampled_from([b"a", b"b", b"12", b""]), max_size=12), st.data())
def test_segments_are_what_replacing_would_give(texts, data):
    marks = tuple(new_mark().encode() for _ in range(3))
    source = b"".join(t + data.draw(st.sampled_from([b"", *marks])) for t in texts)
    values = (b"one", b"", b"%b{}")

    segments = Segments(source, marks)

    expected = source
    for mark, value in zip(marks, values, strict=True):
        expected = expected.replace(mark, value)
    assert segments.start + segments.tail(values) == expected
    assert segments.counts == [source.count(mark) for mark in marks]
