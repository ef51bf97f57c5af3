"""Addresses of Matrix rooms: which name one room and its account."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.subscriptions.matrix_rooms import room_of

HOST = "matrix.example.org"
SAFE, PLAIN = f"https://{HOST}", f"http://{HOST}:80"


@pytest.mark.parametrize(
    ("url", "origin", "room", "owner"),
    [
        (f"matrixs://u:secret@{HOST}/#haber", SAFE, "#haber", ("u", "secret", "")),
        (f"matrixs://u:secret@{HOST}/haber/", SAFE, "#haber", ("u", "secret", "")),
        (
            f"matrix://u:a%40%2F%3Ab@{HOST}:80/!a-B_9:x.org",
            PLAIN,
            "!a-B_9:x.org",
            ("u", "a@/:b", ""),
        ),
        (f"matrixs://syt_x@{HOST}/%21abc", SAFE, "!abc", ("", "", "syt_x")),
        (f"matrixs://{HOST}/%23a?token=syt_x", SAFE, "#a", ("", "", "syt_x")),
        (f"matrixs://syt_x@{HOST}/?to=%23a:x.org", SAFE, "#a:x.org", ("", "", "syt_x")),
        (f"matrixs://syt_x@{HOST}/#a?mode=off&hsreq=no", SAFE, "#a", ("", "", "syt_x")),
        ("matrix://syt_x@[::1]:8008/#a", "http://[::1]:8008", "#a", ("", "", "syt_x")),
    ],
)
def test_a_room_and_the_account_that_writes_there(url, origin, room, owner) -> None:
    found = room_of(url)
    assert found is not None
    assert (found.origin, found.room) == (origin, room)
    assert (found.user, found.password, found.token) == owner
    assert not any(secret and secret in repr(found) for secret in owner[1:])


@pytest.mark.parametrize(
    "url",
    [
        "matrix://sometoken",
        "matrix://sometoken?mode=t2bot",
        f"matrixs://u:p@{HOST}/#a?mode=slack",
        f"matrixs://u:p@{HOST}/#a?path=/hook",
        f"matrixs://u:p@{HOST}/#a?e2ee=yes",
        f"matrixs://u:p@{HOST}/#a/#b",
        f"matrixs://u:p@{HOST}/#a?to=b",
        f"matrixs://u:p@{HOST}/@ayse:x.org",
        f"matrixs://u:p@{HOST}/#",
        f"matrixs://u:p@{HOST}/",
        f"matrixs://{HOST}/#a",
        "matrixs://u:p@/#a",
        f"matrixs://u:p@{HOST}:port/#a",
        f"matrixs://u:p@{HOST}:0/#a",
        "matrixs://u:p@[::1/#a",
    ],
)
def test_what_names_no_single_room_is_none(url) -> None:
    assert room_of(url) is None


@given(st.text(max_size=200), st.sampled_from(["matrix://", "matrixs://u:p@h.org/", ""]))
def test_nothing_that_is_pasted_breaks_it(text: str, start: str) -> None:
    found = room_of(start + text)
    assert found is None or found.room[0] in "#!"
