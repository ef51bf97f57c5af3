"""Quoted-printable that needs no further care on its way."""

from __future__ import annotations

import quopri
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.messages.quoted import quoted
from service.messages.segments import new_mark
from workers.email.dkim import relaxed_body

PIECES = st.sampled_from(
    [
        *(" ", "  ", "\t", "\n", "\n\n", ".", "..", "From ", "=", "=3D", "a", "ş", "İ", "🌊", "\0"),
        *("kelime", "https://a.tr/", "x" * 60, "ş" * 30, "<a href='https://a.tr/?a=1&b=2'>"),
        *("\u0301", "א", '"', " \n", "\r\n", "\r"),
    ]
)
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(
    st.characters(exclude_categories=["Cs"])
)


def plain(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") + "\n"


def check(raw: bytes) -> None:
    assert raw.endswith(b"\r\n")
    assert not re.search(rb"[^\r -~\n]|(?<!\r)\n|\r(?!\n)", raw)
    for line in raw.split(b"\r\n"):
        assert len(line) <= 76
        assert not line.startswith((b".", b"From "))
    body = b"x\r\n" + raw + b"x\r\n"
    assert relaxed_body(body) == body


@given(TEXTS)
def test_any_text_comes_back_and_needs_neither_stuffing_nor_canonicalising(text):
    raw = quoted(text)

    check(raw)
    assert quopri.decodestring(raw.replace(b"\r\n", b"\n")).decode() == plain(text)


@given(TEXTS, TEXTS, TEXTS, st.lists(st.integers(0, 75), min_size=2, max_size=2))
def test_a_slot_has_lines_of_its_own_and_adds_nothing(before, between, after, lengths):
    marks = [new_mark(), new_mark()]
    slots = {mark: b"q" * length for mark, length in zip(marks, lengths, strict=True)}
    text = before + marks[0] + between + marks[1] + after

    raw = quoted(text, slots)

    check(raw)
    for mark, slot in slots.items():
        text = text.replace(mark, slot.decode())
        assert re.search(rb"(?:^|\n)%b(?:=?\r\n)" % slot, raw)
    # An empty slot at the end keeps the line ends before it.
    found = quopri.decodestring(raw.replace(b"\r\n", b"\n")).decode()
    assert plain(found) == plain(text)


def test_what_only_looks_like_a_mark_is_text():
    text = "a" * 60 + new_mark() + "b" * 60

    raw = quoted(text, {new_mark(): b"x"})

    check(raw)
    assert quopri.decodestring(raw.replace(b"\r\n", b"\n")).decode() == text + "\n"


@pytest.mark.parametrize("before", ["", "kısa ", "x" * 50 + " ", "ş" * 20, 'Haber: <a href="'])
def test_an_address_that_fits_on_a_line_is_never_broken(before):
    url = "https://www.izmir.bel.tr/tr/haberler/12345"

    assert url.encode() in quoted(f'{before}{url}" class="x">{"y" * 70}')


def test_a_character_is_never_split():
    for width in range(80):
        for line in quoted("x" * width + "ş🌊" * 20).split(b"=\r\n"):
            quopri.decodestring(line).decode()


def test_a_lone_surrogate_is_a_question_mark():
    assert quoted("a\ud800b") == b"a?b\r\n"
