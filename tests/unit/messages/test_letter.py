"""A letter as bytes, read back by a strict parser."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.messages.letter import LetterError, WholeLetter

STRICT = email.policy.SMTP.clone(raise_on_defect=True)
AT = datetime(2025, 6, 6, 7, 30, tzinfo=UTC)


def letter(**values) -> WholeLetter:
    return WholeLetter(
        **{
            "sender_name": "İzmir Büyükşehir Belediyesi",
            "sender": "haber@tellal.example",
            "envelope_sender": "b+abc@tellal.example",
            "recipient": "okur@example.org",
            "subject": "Deneme",
            "message_id": "abc@tellal.example",
            "at": AT,
            "text": "Gövde",
            "html": "<p>Gövde</p>",
            **values,
        }
    )


def read(raw: bytes):
    return email.message_from_bytes(raw, policy=STRICT)


def check(raw: bytes) -> None:
    """The rules of the email guide that every letter keeps."""
    assert raw.isascii()
    assert b"\r\n" in raw
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|\0", raw)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    head = raw.split(b"\r\n\r\n", 1)[0]
    assert max(map(len, head.split(b"\r\n"))) <= 78
    for name in (b"From", b"To", b"Subject", b"Date", b"Message-ID", b"MIME-Version"):
        assert len(re.findall(rb"(?m)^" + name + rb":", head)) == 1
    assert all(len(word) <= 75 for word in re.findall(rb"=\?\S+\?=", head))


@pytest.mark.parametrize(
    "subject",
    [
        "Plain",
        "İzmir’de ığüşöç İĞÜŞÖÇ",
        "🌊" * 60,
        "Körfez " * 40,
        "x" * 300,
        "word " * 60,
        "=?utf-8?B?xLB6bWly?=",
        "a =?utf-8?q?=0D=0ABcc:_x?= b",
        '(parens) <angle> [square], "quoted"; colon: at@example.org',
        "%s {0} $x",
        "a",
    ],
)
def test_a_subject_comes_back_as_it_was_written(subject):
    raw = letter(subject=subject).as_bytes()

    check(raw)
    assert read(raw)["Subject"] == " ".join(subject.split())


@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"]), min_size=1, max_size=300)
)
def test_any_subject_keeps_the_rules_and_comes_back(subject):
    raw = letter(subject=subject).as_bytes()

    check(raw)
    # The parser itself turns unusual white space into plain.
    assert "".join(str(read(raw)["Subject"]).split()) == "".join(subject.split())


INJECTIONS = ["\r\nBcc: x@example.org", "\nBcc: x", "\rBcc: x", "\r\n\r\nbody", "\r\n Bcc: x", "\0"]


@pytest.mark.parametrize("more", INJECTIONS, ids=repr)
def test_a_line_break_in_a_text_is_white_space(more):
    raw = letter(subject="a" + more, sender_name="b" + more).as_bytes()

    check(raw.replace(b"\0", b""))
    assert read(raw.replace(b"\0", b""))["Bcc"] is None


@pytest.mark.parametrize("more", INJECTIONS, ids=repr)
@pytest.mark.parametrize("field", ["recipient", "message_id", "sender"])
def test_a_line_break_in_an_address_is_refused(field, more):
    with pytest.raises(LetterError):
        letter(**{field: "a" + more}).as_bytes()


@pytest.mark.parametrize("field", ["recipient", "sender", "message_id"])
def test_an_address_that_is_not_ascii_is_refused(field):
    with pytest.raises(LetterError):
        letter(**{field: "ışık@example.org"}).as_bytes()


def test_a_further_header_may_be_folded_and_nothing_else():
    raw = letter(headers={"List-Unsubscribe": "<https://a.tr/u/x>,\r\n <mailto:u@a.tr>"}).as_bytes()
    assert b"List-Unsubscribe: <https://a.tr/u/x>,\r\n <mailto:u@a.tr>\r\n" in raw
    with pytest.raises(LetterError):
        letter(headers={"X": "a\r\nBcc: x"}).as_bytes()


@pytest.mark.parametrize(
    "name", ["İzmir", "Plain City", 'Quotes "and" <marks>, commas; (c)', "=?utf-8?q?x?=", "Ş" * 90]
)
def test_the_sender_is_one_address_whatever_its_name(name):
    raw = letter(sender_name=name).as_bytes()

    check(raw)
    (address,) = read(raw)["From"].addresses
    assert address.addr_spec == "haber@tellal.example"


def test_both_parts_come_back_text_first():
    text = "Satır\n.\nFrom x\n" + "uzun " * 400 + "\nhttps://a.tr/" + "x" * 300
    html = "<p>" + "ş" * 2000 + "</p>"

    raw = letter(text=text, html=html).as_bytes()

    check(raw)
    first, second = read(raw).iter_parts()
    assert (first.get_content_type(), second.get_content_type()) == ("text/plain", "text/html")
    assert first.get_content().replace("\r\n", "\n").rstrip("\n") == text
    assert second.get_content().strip() == html
    assert {part.get_content_charset() for part in (first, second)} == {"utf-8"}
    assert first["Content-Transfer-Encoding"] == "quoted-printable"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_body_keeps_the_rules(text):
    check(letter(text=text, html=text).as_bytes())


def test_date_and_message_id_are_the_same_on_every_try():
    one, two = letter().as_bytes(), letter().as_bytes()

    for name in ("Date", "Message-ID"):
        assert read(one)[name] == read(two)[name]
    assert read(one)["Date"].datetime == AT
    assert read(one)["Message-ID"] == "<abc@tellal.example>"
    assert read(one)["Auto-Submitted"] == "auto-generated"
