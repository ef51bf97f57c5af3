"""Every genuine signature passes at its clock; whatever is changed about it is a SignatureError."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from service.ingest.schemes import SCHEMES, Request, verify
from service.ingest.signatures import SignatureError, new_secret

WP = "wordpress-6.1.9-wpwebhooks-3.3.1"
GENUINE = [
    *((f"ghost-6.65.0-post-{event}", "ghost") for event in ("added", "published", "deleted")),
    *(
        (f"ghost-6.65.0-post-{event}", "ghost")
        for event in ("published-edited", "unpublished", "scheduled")
    ),
    *((f"{WP}-{event}", "wordpress") for event in ("draft-created", "revision-created", "trash")),
    *((f"{WP}-{event}", "wordpress") for event in ("published", "trashed-as-update", "deleted")),
    (f"{WP}-edited-while-published", "wordpress"),
    ("contentful-entry-publish", "contentful"),
    ("sanity-document-constructed", "sanity"),
    ("typo3-page-modification-constructed", "typo3"),
    ("drupal-webhooks-module-entity-node-create-constructed", "drupal"),
    ("standard-webhooks-constructed", "standard"),
    ("strapi-5.54.0-entry-publish", "bearer"),
    ("directus-11.16.1-items-create", "bearer"),
    ("umbraco-content-published-constructed", "bearer"),
]
HEADERS = {
    "standard": ("webhook-id", "webhook-timestamp", "webhook-signature"),
    "ghost": ("x-ghost-signature",),
    "ghost-body": ("x-ghost-signature",),
    "wordpress": ("x-wp-webhook-signature",),
    "contentful": (
        *("x-contentful-signature", "x-contentful-signed-headers", "x-contentful-timestamp"),
    ),
    "sanity": ("sanity-webhook-signature",),
    "typo3": ("webhook-signature",),
    "drupal": ("x-hub-signature",),
    "bearer": ("authorization",),
}
SIGNED = [row for row in GENUINE if SCHEMES[row[1]].is_signed]
TIMED = [row for row in GENUINE if SCHEMES[row[1]].is_timed]
ONE_EACH = list({scheme: name for name, scheme in GENUINE}.items())
JUNK = [
    *("", " ", ",", "=", "v1,", "sha256=", "sha256=, t=", "t=,v1=", "Bearer", "Bearer ", "\x00"),
    *("İmza", "sha256=" + "é" * 64 + ", t=1795456183461", "\udcff", "٣" * 12, "9" * 5000),
    *("v1," + "A" * 100_000, "v1,=====", "sha1=" + "0" * 40, "a," * 60_000, "-1", "1e9"),
]
NOW = datetime.fromtimestamp(1795456183, UTC)


def check(sent, scheme, *, secrets=None, now=None, **changes):
    return verify(
        scheme,
        replace(sent.request, **changes),
        secrets or [sent.secret],
        now or sent.now,
        sent.identifier,
    )


@pytest.mark.parametrize(("name", "scheme"), GENUINE)
def test_a_genuine_request_passes_and_says_what_it_proves(captured, name, scheme):
    verified = check(captured(name), scheme)

    assert verified.matched == 0
    assert verified.is_signed is (scheme != "bearer")
    assert verified.is_replay_protected is (scheme in ("standard", "ghost", "contentful", "sanity"))


@pytest.mark.parametrize(("name", "scheme"), SIGNED)
def test_one_flipped_byte_of_the_body_is_refused(captured, name, scheme):
    sent = captured(name)
    size = len(sent.request.body)

    for at in (0, 1, size // 3, size // 2, size - 2, size - 1):
        body = bytearray(sent.request.body)
        body[at] ^= 1
        with pytest.raises(SignatureError):
            check(sent, scheme, body=bytes(body))
    with pytest.raises(SignatureError):
        check(sent, scheme, body=b"")


@pytest.mark.parametrize(("name", "scheme"), TIMED)
@pytest.mark.parametrize("minutes", [-6, 6])
def test_six_minutes_off_is_refused_where_the_time_is_signed(captured, name, scheme, minutes):
    sent = captured(name)

    with pytest.raises(SignatureError):
        check(sent, scheme, now=sent.now + timedelta(minutes=minutes))
    check(sent, scheme, now=sent.now + timedelta(minutes=minutes) / 2)


@pytest.mark.parametrize(("scheme", "name"), ONE_EACH)
@pytest.mark.parametrize("junk", JUNK)
def test_a_garbage_or_missing_header_is_refused(captured, scheme, name, junk):
    sent = captured(name)

    for header in HEADERS[scheme]:
        with pytest.raises(SignatureError):
            check(sent, scheme, headers={**sent.request.headers, header: junk})
        without = {key: value for key, value in sent.request.headers.items() if key != header}
        with pytest.raises(SignatureError):
            check(sent, scheme, headers=without)


@pytest.mark.parametrize(("scheme", "name"), ONE_EACH)
def test_every_character_of_a_header_counts(captured, scheme, name):
    sent = captured(name)
    header = HEADERS[scheme][0]
    value = sent.request.headers[header]

    for at in (len(value) // 4, len(value) // 2, len(value) - 8):
        other = "0" if value[at] != "0" else "1"
        changed = {**sent.request.headers, header: value[:at] + other + value[at + 1 :]}
        with pytest.raises(SignatureError):
            check(sent, scheme, headers=changed)


@pytest.mark.parametrize(("scheme", "name"), ONE_EACH)
def test_the_previous_secret_passes_and_a_third_does_not(captured, scheme, name):
    sent = captured(name)
    fresh = new_secret()

    assert check(sent, scheme, secrets=[fresh, sent.secret]).matched == 1
    for secrets in ([fresh], ["not base64 İ"], [""], ["", ""]):
        with pytest.raises(SignatureError):
            check(sent, scheme, secrets=secrets)


def test_an_empty_secret_never_fits_even_what_was_signed_with_it():
    digest = hmac.digest(b"", b"{}", "sha256")
    request = Request({"x-wp-webhook-signature": base64.b64encode(digest).decode()}, b"{}")

    with pytest.raises(SignatureError):
        verify("wordpress", request, [""], NOW)


def test_an_unknown_scheme_is_refused():
    with pytest.raises(SignatureError):
        verify("rot13", Request({}, b"{}"), ["secret"], NOW)


@given(body=st.text(max_size=200), webhook_id=st.from_regex(r"[A-Za-z0-9_]{1,40}", fullmatch=True))
def test_what_the_reference_library_signs_passes_and_its_id_is_the_delivery(body, webhook_id):
    secret = new_secret()
    signature = Webhook(secret).sign(webhook_id, NOW, body)
    headers = {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": f"v1a,other {signature}",
    }

    assert verify("standard", Request(headers, body.encode()), [secret], NOW).delivery_id == (
        webhook_id
    )


def test_the_same_timed_request_again_has_the_same_delivery_id(captured):
    published, edited = (
        captured(f"ghost-6.65.0-post-{name}") for name in ("published", "published-edited")
    )

    assert check(published, "ghost").delivery_id == check(published, "ghost").delivery_id
    assert check(published, "ghost").delivery_id != check(edited, "ghost").delivery_id


def test_an_old_ghost_passes_only_where_it_was_chosen():
    signature = hmac.new(b"secret", b"{}", hashlib.sha256).hexdigest()
    request = Request({"x-ghost-signature": f"sha256={signature}, t=1"}, b"{}")

    verified = verify("ghost-body", request, ["secret"], NOW)

    assert (verified.is_signed, verified.is_replay_protected) == (True, False)
    with pytest.raises(SignatureError):
        verify("ghost", request, ["secret"], NOW)


def test_a_new_ghost_does_not_pass_as_an_old_one(captured):
    with pytest.raises(SignatureError):
        check(captured("ghost-6.65.0-post-published"), "ghost-body")


@pytest.mark.parametrize("field", ["method", "path"])
def test_contentful_signs_method_and_path(captured, field):
    with pytest.raises(SignatureError):
        check(captured("contentful-entry-publish"), "contentful", **{field: "/other"})


def test_contentful_without_a_signed_time_is_refused_however_well_signed():
    listed = "x-contentful-signed-headers"
    signed = f"POST\n/door\n{listed}:{listed}\n{{}}".encode()
    request = Request(
        headers={
            listed: listed,
            "x-contentful-timestamp": str(int(NOW.timestamp() * 1000)),
            "x-contentful-signature": hmac.digest(b"secret", signed, "sha256").hex(),
        },
        body=b"{}",
        path="/door",
    )

    with pytest.raises(SignatureError):
        verify("contentful", request, ["secret"], NOW)


def test_drupal_may_sign_with_sha256():
    signature = hmac.new(b"secret", b"{}", hashlib.sha256).hexdigest()
    request = Request({"x-hub-signature": f"sha256={signature}"}, b"{}")

    assert verify("drupal", request, ["secret"], NOW).is_signed


def test_typo3_without_an_identifier_is_refused(captured):
    sent = captured("typo3-page-modification-constructed")

    with pytest.raises(SignatureError):
        verify("typo3", sent.request, [sent.secret], sent.now)


@given(
    scheme=st.sampled_from(sorted(SCHEMES)),
    values=st.lists(
        st.one_of(st.sampled_from(JUNK), st.text(max_size=80), st.from_regex(r"t=\d+,v1=.{43}")),
        min_size=3,
        max_size=3,
    ),
    secret=st.text(st.characters(), max_size=40),
    body=st.binary(max_size=50),
)
def test_no_request_raises_anything_but_a_signature_error(scheme, values, secret, body):
    headers = dict(zip(HEADERS[scheme], values, strict=False))

    with pytest.raises(SignatureError):
        verify(scheme, Request(headers, body), [secret], NOW, "identifier")
