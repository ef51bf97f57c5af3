"""Signatures, checked by two programs that are not ours (email guide, criterion 9)."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from dkim.canonicalization import CanonicalizationPolicy
from hypothesis import given
from hypothesis import strategies as st

from service.dkim import new_key, signing_key, txt_record, zone_line
from tests.unit.messages.signing import DOMAIN, NAME, SELECTOR, passes_dkimpy, pem, perl_says
from tests.unit.messages.test_letter import check, letter
from workers.email.dkim import Signer, relaxed_body, relaxed_value

AT = 1_780_000_000
UNSUBSCRIBE = "<https://tellal.example/u/abcdefghijklmnopqrstuvwxyz234567>"
HEADERS = {
    "List-Id": "Iklim <iklim.tellal.example>",
    "List-Unsubscribe": UNSUBSCRIBE,
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "Feedback-ID": "iklim:article:tellal",
}
RELAXED = CanonicalizationPolicy.from_c_value(b"relaxed/relaxed")


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer(pem(), DOMAIN, SELECTOR)


@pytest.fixture(scope="module")
def signed(signer) -> bytes:
    text = "Körfezde sis var.  İki  boşluk.\t\n.noktayla başlar\n\n\n"
    raw = letter(subject="İzmir’de " * 20, text=text, headers=HEADERS).as_bytes()
    return signer.sign(raw, AT)


def test_two_programs_find_it_valid(signed):
    assert passes_dkimpy(signed)
    assert perl_says(signed) == "pass"


def test_it_is_as_strict_parsers_and_old_relays_want_it(signed):
    check(signed)


def test_a_letter_of_the_service_itself_is_signed_too(signer):
    raw = signer.sign(letter().as_bytes(), AT)

    assert passes_dkimpy(raw)
    assert perl_says(raw) == "pass"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda raw: raw.replace(b"nokta", b"virgul"), id="the text"),
        pytest.param(lambda raw: raw.replace(b"/u/abc", b"/u/xyz"), id="the way out"),
        pytest.param(lambda raw: raw.replace(b"One-Click", b"Two-Click"), id="one click"),
        pytest.param(lambda raw: raw.replace(b"okur@", b"baska@"), id="the reader"),
        pytest.param(lambda raw: b"From: kotu@evil.example\r\n" + raw, id="a second From"),
        pytest.param(lambda raw: raw + b"Daha fazlas=C4=B1.\r\n", id="more text"),
    ],
)
def test_what_is_changed_on_the_way_is_found_out(signed, change):
    changed = change(signed)
    assert changed != signed

    assert not passes_dkimpy(changed)
    assert perl_says(changed).startswith("fail")


def test_another_key_does_not_check_it(signed):
    assert not passes_dkimpy(signed, txt_record(new_key()))


def test_the_signature_says_what_the_guide_asks(signed):
    head = signed.partition(b"\r\n\r\n")[0]
    field = re.search(rb"DKIM-Signature: (.*?)\r\n(?![ \t])", head, re.DOTALL)
    value = re.sub(rb"\s", b"", field.group(1))
    tags = dict(part.split(b"=", 1) for part in value.split(b";"))

    assert (tags[b"a"], tags[b"c"]) == (b"rsa-sha256", b"relaxed/relaxed")
    assert (tags[b"d"], tags[b"s"], tags[b"t"]) == (DOMAIN.encode(), SELECTOR.encode(), b"%d" % AT)
    assert b"l" not in tags  # a length would let others add text
    names = tags[b"h"].split(b":")
    assert names.count(b"from") == 2
    assert {
        *(b"to", b"subject", b"date", b"message-id", b"list-id", b"list-unsubscribe"),
        *(b"list-unsubscribe-post", b"mime-version", b"content-type", b"feedback-id"),
        b"auto-submitted",
    } <= set(names)


def test_a_letter_with_a_header_twice_is_not_signed(signer):
    raw = b"Subject: bir\r\n" + letter().as_bytes()

    with pytest.raises(ValueError, match="subject is there twice"):
        signer.sign(raw, AT)


BLANK = st.sampled_from([b" ", b"\t", b"\r\n", b"a", b".", b"=C4=B1", b"  ", b"\r\n\r\n"])


@given(st.lists(BLANK, max_size=30).map(b"".join))
def test_the_relaxed_body_is_what_others_make_of_it(body):
    ends = body if not body or body.endswith(b"\r\n") else body + b"\r\n"

    assert relaxed_body(body) == RELAXED.canonicalize_body(ends)


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n ", b"a", b"<b>", b":"]), max_size=20))
def test_the_relaxed_header_is_what_others_make_of_it(parts):
    value = b"".join(parts)

    theirs = RELAXED.canonicalize_headers([(b"Name", value + b"\r\n")])

    assert theirs == [(b"name", relaxed_value(value) + b"\r\n")]


def _pem(key, password=None) -> str:
    encryption = (
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption()
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    ).decode()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no private key"),
        ("gizli", "no private key"),
        ("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----", "no private key"),
        (_pem(ed25519.Ed25519PrivateKey.generate()), "not an RSA key"),
        (_pem(rsa.generate_private_key(65537, 1024)), "1024 bits are too few"),
        (_pem(rsa.generate_private_key(65537, 2048), b"parola"), "has a passphrase"),
    ],
)
def test_a_key_that_cannot_sign_is_refused_by_its_reason(text, why):
    with pytest.raises(ValueError, match=why):
        signing_key(text)


def test_the_record_is_cut_as_the_dns_wants_it():
    line = zone_line(NAME, txt_record(pem()))

    strings = re.findall('"([^"]*)"', line)
    assert line.startswith(f"{NAME}. IN TXT ( ")
    assert "".join(strings) == txt_record(pem())
    assert max(map(len, strings)) <= 255


def test_the_letter_behind_the_signature_is_untouched(signer):
    raw = replace(letter(), text="a\n" * 3).as_bytes()

    assert signer.sign(raw, AT).endswith(raw)
