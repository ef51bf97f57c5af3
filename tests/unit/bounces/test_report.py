"""Reports: what each says, whom it is about, and that nothing in it can do more."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bounces import Complained, Leaving, Returned, read_report, strip_addresses
from service.bounces.report import MAX_BYTES
from service.crypto import Vault
from service.models import BounceVerdict
from service.settings import load
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY
from tests.unit.bounces.conftest import FOLDER

HARD, SOFT, OURS = BounceVerdict.HARD, BounceVerdict.SOFT, BounceVerdict.OURS
NOTHING = BounceVerdict.NOTHING
REPORTS = {
    "dsn_5.7.515_postfix.eml": (OURS, "5.7.515"),
    "dsn_5.1.1_unknown_user.eml": (HARD, "5.1.1"),
    "dsn_4.2.2_mailbox_full_expired.eml": (SOFT, "4.2.2"),
    "dsn_5.7.1_policy_forwarded.eml": (OURS, "5.7.1"),
    "dsn_5.7.515_no_original.eml": (OURS, "5.7.515"),
    "dsn_4.7.1_delayed.eml": (NOTHING, "4.7.1"),
}
FOREIGN = Vault(load(secret_key="x" * 40, encryption_key=ENCRYPTION_KEY, var_dir="/nowhere"))
OURS_VAULT = Vault(load(secret_key=SECRET_KEY, encryption_key=ENCRYPTION_KEY, var_dir="/nowhere"))


@pytest.mark.parametrize("name", REPORTS)
def test_criterion_16_each_delivery_status_is_judged_as_its_readme_says(name, report, vault):
    found = read_report(report(name, 7), vault)

    assert isinstance(found, Returned)
    assert (found.notification_id, found.destination_id) == (4711, 7)
    assert (found.verdict, found.status) == REPORTS[name]
    assert "@" not in found.detail


def test_criterion_16_a_complaint_is_found_though_its_recipient_is_redacted(report, vault):
    assert read_report(report("arf.eml", 7), vault) == Complained(4711, 7)


def test_every_stored_report_is_judged_here():
    assert {path.name for path in FOLDER.glob("*.eml")} == {*REPORTS, "arf.eml"}


@pytest.mark.parametrize(
    "field", ["Original-Mail-From", "Return-Path", "Original-Mail-From|Return-Path"]
)
def test_a_complaint_names_its_letter_in_each_of_three_ways(field, report, vault):
    raw = re.sub(rb"(?m)^(%b): .*\n" % field.encode(), b"", report("arf.eml", 7))

    assert read_report(raw, vault, ["fbl@haber.belediye.example"]) == Complained(4711, 7)


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "", "abused"])
def test_feedback_that_is_no_complaint_is_nothing(kind, report, vault):
    raw = report("arf.eml", 7).replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind}".encode())

    assert read_report(raw, vault) is None


@pytest.mark.parametrize("name", [*REPORTS, "arf.eml"])
def test_a_token_that_is_not_ours_makes_a_report_nothing(name, report):
    assert read_report(report(name, 7), FOREIGN) is None


@pytest.mark.parametrize("name", REPORTS)
def test_the_envelope_decides_and_no_other_address_does(name, report, vault):
    raw = report(name, 7)
    other = vault.token("mail", 4712, 8)

    found = read_report(raw, vault, [f"B+{other.upper()}@HABER.belediye.example"])

    assert (found.notification_id, found.destination_id) == (4712, 8)
    assert read_report(raw, vault, ["postmaster@haber.belediye.example"]) is None


def test_a_token_in_the_text_of_a_report_is_nobodys(report, vault):
    raw = report("dsn_5.1.1_unknown_user.eml", 7)
    raw = re.sub(rb"(?m)^(Delivered-To|To): b\+|^To: <b\+", b"X: b+", raw)

    assert b"b+" in raw
    assert read_report(raw, vault) is None


def test_a_status_inside_the_returned_letter_is_not_read(report, vault):
    """Whoever quotes a report in a letter of their own reports nothing."""
    inner = report("dsn_5.1.1_unknown_user.eml", 7).decode()
    to = f"b+{vault.token('mail', 4711, 7)}@haber.belediye.example"
    outer = (
        f"To: {to}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
        f"--x\nContent-Type: message/rfc822\n\n{inner}\n--x--\n"
    )

    assert read_report(outer.encode(), vault) is None


def status_report(vault: Vault, *groups: str, kind: str = "delivery-status") -> bytes:
    to = f"b+{vault.token('mail', 4711, 7)}@haber.belediye.example"
    fields = "\n\n".join(("Reporting-MTA: dns; mx.example", *groups))
    return (
        f"To: {to}\nMIME-Version: 1.0\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n"
        f"--x\nContent-Type: text/plain\n\nSorry.\n--x\nContent-Type: message/{kind}\n\n"
        f"{fields}\n\n--x--\n"
    ).encode()


UNKNOWN = "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1"
FULL = "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.2.2"
ARRIVED = "Final-Recipient: rfc822; c@b.example\nAction: relayed\nStatus: 2.0.0"


@pytest.mark.parametrize("kind", ["delivery-status", "global-delivery-status"])
@pytest.mark.parametrize(
    ("groups", "verdict"),
    [
        ((UNKNOWN,), HARD),
        ((UNKNOWN, UNKNOWN), HARD),
        ((UNKNOWN, FULL), SOFT),
        ((ARRIVED, UNKNOWN), NOTHING),
        ((UNKNOWN.replace("failed", "FAILED (no such user)"),), HARD),
    ],
)
def test_of_several_recipients_behind_an_alias_the_mildest_fate_counts(
    kind, groups, verdict, vault
):
    assert read_report(status_report(vault, *groups, kind=kind), vault).verdict == verdict


@pytest.mark.parametrize(
    ("fields", "verdict", "status"),
    [
        ("Action: failed\nDiagnostic-Code: smtp; 550 5.1.1 no such user", HARD, "5.1.1"),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 #5.1.1 gone", HARD, "5.1.1"),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 550 no", SOFT, "5.0.0"),
        ("Action: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 554 no", OURS, "5.0.0"),
        ("Action: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550-5.7.26 no", OURS, "5.7.26"),
        ("Action: failed", SOFT, ""),
        ("Action: expired\nStatus: 5.1.1", NOTHING, "5.1.1"),
    ],
)
def test_a_vague_status_is_completed_by_the_servers_words(fields, verdict, status, vault):
    found = read_report(status_report(vault, fields), vault)

    assert (found.verdict, found.status) == (verdict, status)


def test_a_status_without_an_action_is_nothing(vault):
    assert read_report(status_report(vault, "Status: 5.1.1"), vault) is None


def test_a_mailed_wish_to_leave_carries_the_token_of_the_link(vault):
    token = vault.token("unsubscribe", 4711, 7, 3)
    address = f"u+{token}@haber.belediye.example"
    raw = f"To: {address}\nSubject: unsubscribe\n\n".encode()

    assert read_report(raw, vault) == Leaving(token)
    assert read_report(b"Subject: hi\n\n", vault, [address]) == Leaving(token)
    assert read_report(raw.replace(b"To", b"Cc"), vault) is None
    assert read_report(raw, FOREIGN) is None


def test_an_answer_of_a_holiday_maker_is_nothing(vault):
    to = f"b+{vault.token('mail', 4711, 7)}@haber.belediye.example"

    assert read_report(f"To: {to}\nSubject: Tatildeyim\n\n5.1.1".encode(), vault) is None


def test_what_another_server_said_is_kept_without_addresses_and_short():
    said = strip_addresses(
        "550 5.1.1 <ayşe@posta.example>:\r\n\x00 ali+x@b.example yok " + "x" * 900
    )

    assert said.startswith("550 5.1.1 <…>: … yok xxx")
    assert len(said) == 200


def test_what_lies_behind_the_size_that_is_read_is_not_needed(vault):
    raw = status_report(vault, UNKNOWN).replace(b"--x--", b"--x\n\n" + b"a" * 2 * MAX_BYTES)

    assert read_report(raw, vault).verdict == HARD


def test_messages_in_messages_without_end_are_nothing(vault):
    raw = b"Content-Type: message/rfc822\n\n" * 9_000
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(3_000)
    )

    assert read_report(raw, vault) is None
    assert read_report(nested, vault) is None


PIECES = st.sampled_from(
    [
        b"\n", b"\r\n", b"--x\n", b"--x--", b": ", b";", b"=", b'"', b"\xff\x00", b"=?utf-8?b?",
        b"Content-Type: ", b"multipart/report", b"; boundary=x", b"; boundary*0*=utf-8''x",
        b"message/delivery-status", b"message/global-delivery-status", b"message/rfc822",
        b"message/feedback-report", b"text/rfc822-headers", b"Content-Transfer-Encoding: base64",
        b"Action: failed", b"Status: 5.1.1", b"Diagnostic-Code: smtp; 550", b"To: ", b"\n\n",
        b"Feedback-Type: abuse", b"Original-Mail-From: ", b"Message-ID: <",
        b"b+%b@x" % OURS_VAULT.token("mail", 1, 2).encode(),
        b"u+%b@x" % OURS_VAULT.token("unsubscribe", 1, 2, 3).encode(),
    ]
)  # fmt: skip


@given(st.binary(max_size=400) | st.lists(PIECES | st.binary(max_size=6)).map(b"".join))
def test_no_bytes_raise_and_no_report_is_about_a_letter_that_was_not_named(raw):
    for recipients in ((), ("b+aaaaaaaaaaaaaaaaaaaaaaaa@x",)):
        match read_report(raw, OURS_VAULT, recipients):
            case Returned(notification, destination) | Complained(notification, destination):
                assert (notification, destination) == (1, 2)
            case Leaving(token):
                assert OURS_VAULT.numbers("unsubscribe", token, 3) == (1, 2, 3)
