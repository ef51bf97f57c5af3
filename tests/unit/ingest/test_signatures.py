"""Standard Webhooks against the reference library, and against garbage."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from service.ingest.signatures import SignatureError, new_secret, verify_standard

SAMPLES = Path(__file__).parents[2] / "data" / "webhooks"
SAMPLE = json.loads((SAMPLES / "standard-webhooks-constructed.json").read_text("utf-8"))
SECRET = new_secret()
NOW = datetime(2025, 6, 6, 7, tzinfo=UTC)
IDS = st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=60
).filter(str.isprintable)


def signed(body: str, webhook_id: str = "msg_1", at: datetime = NOW, secret: str = SECRET):
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body),
    }


def is_refused(headers: dict[str, str], body: bytes = b"{}", secret: str = SECRET) -> bool:
    try:
        verify_standard(headers, body, secret, NOW)
    except SignatureError:
        return True
    return False


def test_the_sample_of_the_reference_library_passes():
    request = SAMPLE["request"]["headers"]
    at = datetime.fromtimestamp(int(request["webhook-timestamp"]), UTC)
    body = SAMPLE["raw_body"].encode()

    assert verify_standard(request, body, SAMPLE["secret"], at) == request["webhook-id"]


@given(st.text(max_size=200), IDS)
def test_what_the_reference_library_signs_passes_and_gives_its_id(body, webhook_id):
    assume("\ud800" not in body)
    headers = signed(body, webhook_id)

    assert verify_standard(headers, body.encode(), SECRET, NOW) == webhook_id


@given(st.binary(min_size=1, max_size=100).map(lambda raw: raw.hex()), st.data())
def test_one_changed_byte_is_refused(body, data):
    at = data.draw(st.integers(0, len(body) - 1))
    raw = bytearray(body.encode())
    raw[at] ^= data.draw(st.integers(1, 255))

    assert is_refused(signed(body), bytes(raw))


@given(st.integers(-86_400, 86_400))
def test_the_window_is_five_minutes_both_ways(skew_s):
    headers = signed("{}", at=NOW + timedelta(seconds=skew_s))

    assert is_refused(headers) == (abs(skew_s) > 300)


def test_the_time_and_the_id_are_signed_too():
    headers = signed("{}")
    assert is_refused({**headers, "webhook-timestamp": str(int(NOW.timestamp()) + 1)})
    assert is_refused({**headers, "webhook-id": "msg_2"})


def test_another_secret_is_refused():
    assert is_refused(signed("{}", secret=new_secret()))


def test_one_good_signature_among_several_is_enough():
    good = signed("{}")["webhook-signature"]
    other = signed("{}", secret=new_secret())["webhook-signature"]

    for given_ in (f"{other} {good}", f"{good} {other}", f"v2,x v1a,{good[3:]} , {good}"):
        assert not is_refused({**signed("{}"), "webhook-signature": given_})


def test_a_signature_of_another_version_is_refused():
    value = signed("{}")["webhook-signature"].removeprefix("v1,")
    for given_ in (f"v1a,{value}", f"v2,{value}", value, f"V1,{value}", f"v1 {value}", "v1,"):
        assert is_refused({**signed("{}"), "webhook-signature": given_})


def test_a_flood_of_signatures_is_not_read_to_its_end():
    good = signed("{}")["webhook-signature"]

    assert is_refused({**signed("{}"), "webhook-signature": "v1,AAAA " * 100_000 + good})


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_each_header_is_needed(name):
    headers = signed("{}")
    del headers[name]

    assert is_refused(headers)


@given(
    st.sampled_from(["webhook-id", "webhook-timestamp", "webhook-signature"]),
    st.text(max_size=80) | st.text("0123456789²³٣-+._e ", max_size=20) | st.just("v1," * 99),
)
def test_no_garbage_in_a_header_raises_anything_but_a_refusal(name, garbage):
    headers = signed("{}")
    assume(garbage != headers[name])

    assert is_refused({**headers, name: garbage})


def test_new_secrets_are_32_random_bytes_each():
    assert len({new_secret() for _ in range(20)}) == 20
    assert len(Webhook(new_secret())._whsecret) == 32
