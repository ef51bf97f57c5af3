"""Tokens, hashes and sealed secrets: authentic or nothing."""

from __future__ import annotations

import base64
import hmac

import pytest
from cryptography.fernet import Fernet
from hypothesis import assume, given
from hypothesis import strategies as st

from service.crypto import Vault
from service.settings import load

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()
NUMBERS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=4)
PURPOSES = st.sampled_from(["status", "mail", "confirm", "unsubscribe"])


def vault(secret: str = "a secret of the tests", keys: str = NEW) -> Vault:
    return Vault(load(secret_key=secret, encryption_key=keys, var_dir="/nowhere"))


VAULT = vault()


@given(PURPOSES, NUMBERS)
def test_a_token_gives_back_its_numbers_in_any_case(purpose, numbers):
    token = VAULT.token(purpose, *numbers)

    assert VAULT.numbers(purpose, token, len(numbers)) == tuple(numbers)
    assert VAULT.numbers(purpose, token.upper(), len(numbers)) == tuple(numbers)
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567")


@given(PURPOSES, NUMBERS, st.data())
def test_a_token_with_one_other_character_is_none(purpose, numbers, data):
    token = VAULT.token(purpose, *numbers)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters() | st.sampled_from("abcdefghijklmnopqrstuvwxyz234567ıİſ="))
    assume(other not in (token[at], token[at].upper()))

    assert VAULT.numbers(purpose, token[:at] + other + token[at + 1 :], len(numbers)) is None


@given(PURPOSES, NUMBERS, st.integers(0, 80), st.text("abcdefg234567=", max_size=20))
def test_a_cut_or_lengthened_token_is_none(purpose, numbers, cut, more):
    token = VAULT.token(purpose, *numbers)
    changed = token[:cut] + more
    assume(changed != token)

    assert VAULT.numbers(purpose, changed, len(numbers)) is None


@given(st.text(max_size=60), st.integers(0, 4))
def test_any_text_is_no_token(text, count):
    assert VAULT.numbers("status", text, count) is None


@given(PURPOSES, PURPOSES, NUMBERS)
def test_purposes_and_counts_do_not_mix(one, other, numbers):
    token = VAULT.token(one, *numbers)

    assert (VAULT.numbers(other, token, len(numbers)) is None) == (one != other)
    assert VAULT.numbers(one, token, len(numbers) + 1) is None


def test_a_token_of_another_installation_is_none():
    assert VAULT.numbers("status", vault("another secret").token("status", 1), 1) is None


def test_a_negative_number_makes_no_token():
    with pytest.raises(ValueError, match="non-negative"):
        VAULT.token("status", -1)


@given(st.text(), st.text())
def test_hashes_are_equal_for_equal_values_only(one, other):
    assume("\ud800" not in one + other)
    assert (VAULT.keyed_hash("address", one) == VAULT.keyed_hash("address", other)) == (
        one == other
    )


def test_hashes_of_purposes_and_installations_differ():
    hashes = {
        VAULT.keyed_hash("address", "x"),
        VAULT.keyed_hash("consent", "x"),
        vault("another secret").keyed_hash("address", "x"),
    }
    assert len(hashes) == 3


@given(st.text())
def test_what_was_sealed_opens_again(text):
    assert VAULT.decrypt(VAULT.encrypt(text)) == text


def test_a_rotated_key_still_opens_and_a_lost_one_is_named():
    sealed = vault(keys=OLD).encrypt("gizli")

    assert vault(keys=f"{NEW}, {OLD}").decrypt(sealed) == "gizli"
    for broken in (sealed, sealed[:-2], "", "ş", "\0"):
        with pytest.raises(ValueError, match="TELLAL_ENCRYPTION_KEY"):
            VAULT.decrypt(broken)


@given(PURPOSES, NUMBERS)
def test_a_token_is_what_the_standard_library_makes_of_it(purpose, numbers):
    for secret in ("short", "x" * 64, "ş" * 100):
        payload = b"".join(map(varint, numbers))
        mac = hmac.digest(secret.encode(), purpose.encode() + b"\0" + payload, "sha256")
        text = base64.b32encode(payload + mac[:10]).decode().rstrip("=").lower()

        assert vault(secret).token(purpose, *numbers) == text
        assert vault(secret).keyed_hash(purpose, "a") == (
            hmac.new(secret.encode(), purpose.encode() + b"\0a", "sha256").hexdigest()
        )


def varint(number: int) -> bytes:
    digits = []
    while True:
        number, digit = divmod(number, 128)
        digits.append(digit | (128 if number else 0))
        if not number:
            return bytes(digits)
