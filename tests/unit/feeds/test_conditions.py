"""Conditions of requests, as clients send them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.feeds.conditions import Asked

AT = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
SAME, EARLIER = "Mon, 04 May 2026 12:00:00 GMT", "Mon, 04 May 2026 11:59:59 GMT"


def ask(**headers: str) -> Asked:
    return Asked.of({f"HTTP_{name.upper()}": value for name, value in headers.items()})


@pytest.mark.parametrize(
    ("headers", "known"),
    [
        ({}, False),
        ({"if_none_match": 'W/"7-ab"'}, True),
        ({"if_none_match": '"7-ab"'}, True),
        ({"if_none_match": '"x", W/"y,z" , "7-ab"'}, True),
        ({"if_none_match": " * "}, True),
        ({"if_none_match": '"17-ab"'}, False),
        ({"if_none_match": "7-ab"}, False),
        ({"if_none_match": ""}, False),
        ({"if_modified_since": SAME}, True),
        ({"if_modified_since": EARLIER}, False),
        ({"if_modified_since": "dün akşam"}, False),
        ({"if_modified_since": f"Mon, 04 May {'9' * 30} 12:00:00 GMT"}, False),
        ({"if_modified_since": f"Mon, 04 May 2026 12:00:00 +{'9' * 30}"}, False),
        ({"if_none_match": '"x"', "if_modified_since": SAME}, False),
    ],
)
def test_what_a_client_knows(headers, known):
    assert ask(**headers).knows("7-ab", AT) is known


def test_without_a_time_of_ours_a_date_says_nothing():
    assert not ask(if_modified_since=SAME).knows("7-ab", None)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("feed", True),
        ("vcdiff, FEED;q=0.5", True),
        ("feed;q=0", False),
        ("feed;q=0.0", False),
        ("feeds", False),
        ("", False),
    ],
)
def test_who_wants_a_delta(header, wanted):
    assert ask(a_im=header).wants_delta is wanted


@pytest.mark.parametrize(
    ("tags", "base"),
    [
        ('W/"5-ab"', 5),
        ('"3-ab", W/"6-ab", "4-ab"', 6),
        ('"8-ab"', None),  # from the future
        ('"9-ab", "2-ab"', 2),
        ('"5-cd"', None),
        ('"-5-ab", "x-ab", "²-ab", "5"', None),
        (f'"{"9" * 5000}-ab"', None),
        ("*", None),
    ],
)
def test_the_best_base_of_a_delta(tags, base):
    assert ask(if_none_match=tags).base("ab", 8) == base


@given(st.text(max_size=300), st.text(max_size=100), st.text(max_size=100))
def test_no_header_breaks_it(tags, since, manipulations):
    asked = ask(if_none_match=tags, if_modified_since=since, a_im=manipulations)
    asked.knows("7-ab", AT)
    asked.base("ab", 8)
