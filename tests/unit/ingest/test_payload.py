"""Bytes to JSON: what is refused, and with which words."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.payload import MAX_DEPTH, PayloadError, parse_object

REFUSED = {
    b"\xfe": "UTF-8",
    '{"a": "ş"}'.encode("cp1254"): "UTF-8",
    b"\xef\xbb\xbf{}": "JSON",
    b"": "JSON",
    b"   ": "JSON",
    b"{": "JSON",
    b"{} {}": "JSON",
    b"{'a': 1}": "JSON",
    b'{"a": 1,}': "JSON",
    b'{"a": NaN}': "NaN",
    b'{"a": [-Infinity]}': "-Infinity",
    b'{"a": ' + b"1" * 5000 + b"}": "JSON",
    b'{"a": "\x01"}': "JSON",
    b'{"a": "\x00"}': "JSON",
    b"[]": "object",
    b'"a"': "object",
    b"1": "object",
    b"null": "object",
    b'{"a": "x\\u0000"}': "NUL",
    b'{"\\u0000": 1}': "NUL",
    b'{"a": {"b": ["\\ud800"]}}': "a.b[0]",
    b'{"\\udfff": 1}': "surrogate",
    b'{"a": "\\ud83d \\ude00"}': "surrogate",
    b"[" * 100_000: "levels",
    b'{"a":' * 100_000: "levels",
    b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}": "levels",
}


@pytest.mark.parametrize(("body", "said"), REFUSED.items(), ids=lambda value: repr(value)[:24])
def test_a_body_that_is_no_json_object_is_refused_with_its_reason(body, said):
    with pytest.raises(PayloadError, match=said.replace("[", r"\[")):
        parse_object(body)


def test_the_deepest_body_that_is_taken():
    inside = MAX_DEPTH - 2
    body = b'{"a":' + b"[" * inside + b"1" + b"]" * inside + b"}"

    assert parse_object(body)


def test_whole_characters_beyond_the_basic_plane_are_taken():
    assert parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


def test_of_two_equal_keys_the_later_one_counts():
    assert parse_object(b'{"a": 1, "a": 2}') == {"a": 2}


def test_a_long_key_over_many_items_costs_no_memory():
    body = json.dumps({"k" * 400_000: [0] * 150_000}).encode()
    start = time.monotonic()

    assert parse_object(body)
    assert time.monotonic() - start < 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), JSON))
def test_every_object_comes_through_as_it_was_or_is_refused(found):
    text = json.dumps(found)
    try:
        assert parse_object(text.encode()) == found
    except PayloadError:
        assert "\\u0000" in text or "\\ud" in text or text.count("[") + text.count("{") > MAX_DEPTH


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body):
    try:
        found = parse_object(body)
    except PayloadError:
        return
    assert isinstance(found, dict)
