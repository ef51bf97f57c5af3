"""Content codings: who gets which, and gzip joined from pieces."""

from __future__ import annotations

import gzip
import subprocess
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.feeds.coding import Fragment, accepted, decode, encode, join_gzip


@given(st.lists(st.binary(max_size=2000)))
def test_joined_pieces_are_one_gzip_file(pieces):
    joined = join_gzip(Fragment.of(one) for one in pieces)

    assert gzip.decompress(joined) == zlib.decompress(joined, 31) == b"".join(pieces)
    assert joined == join_gzip([*map(Fragment.of, pieces)])


def test_the_gzip_of_the_system_reads_it_and_finds_nothing_behind_it():
    pieces = [f"{number} ığüşöç ".encode() * 500 for number in range(20)]
    joined = join_gzip(map(Fragment.of, pieces))

    found = subprocess.run(["gzip", "-dc"], input=joined, capture_output=True, check=True)

    assert (found.stdout, found.stderr) == (b"".join(pieces), b"")
    reader = zlib.decompressobj(31)
    reader.decompress(joined)
    assert reader.eof
    assert reader.unused_data == b""


@pytest.mark.parametrize("coding", ["identity", "gzip", "br"])
def test_what_is_encoded_is_decoded(coding):
    data = "Geri çekildi".encode() * 100
    assert decode(encode(data, coding), coding) == data


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        (None, ("identity",)),
        ("", ("identity",)),
        ("gzip", ("gzip", "identity")),
        ("gzip, deflate, br", ("br", "gzip", "identity")),
        ("GZIP;Q=0.5", ("gzip", "identity")),
        ("x-gzip", ("gzip", "identity")),
        ("br;q=0.1, gzip;q=0.9", ("gzip", "br", "identity")),
        ("gzip;q=0", ("identity",)),
        ("gzip;q=0.000, identity", ("identity",)),
        ("gzip ; q = 0 , br", ("br", "identity")),
        ("identity;q=0, gzip", ("gzip",)),
        ("identity;q=0", ("identity",)),
        ("identity, gzip;q=0.5", ("identity", "gzip")),
        ("*", ("br", "gzip", "identity")),
        ("*;q=0, gzip", ("gzip",)),
        ("*;q=0.5, br;q=0", ("gzip", "identity")),
        ("gzip;q=7", ("identity",)),
        ("deflate, zstd", ("identity",)),
        (", ,;q=1,gzip", ("gzip", "identity")),
    ],
)
def test_a_client_gets_what_it_accepts(header, codings):
    assert accepted(header) == codings


@given(st.text(max_size=400))
def test_any_header_has_an_answer(header):
    assert set(accepted(header)) <= {"br", "gzip", "identity"}
    assert accepted(header)
