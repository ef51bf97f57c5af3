"""Verdicts: whose fault a refusal is, by its codes alone (email guide, rule 15)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.bounces import is_answer, is_unauthenticated, judge, verdict_of
from service.models import BounceVerdict

HARD, SOFT, OURS = BounceVerdict.HARD, BounceVerdict.SOFT, BounceVerdict.OURS
DISABLED, NOTHING = BounceVerdict.DISABLED, BounceVerdict.NOTHING
STATUSES = {
    HARD: "5.1.1 5.1.2 5.1.3 5.1.6 5.1.10",
    DISABLED: "5.2.1",
    SOFT: "4.2.2 4.2.1 4.1.1 4.4.7 4.4.1 5.2.2 5.2.3 5.0.0 5.1.0 5.1.4 5.3.0 5.3.2 5.4.4 5.4.6",
    OURS: "5.7.0 5.7.1 5.7.26 5.7.515 5.1.7 5.1.8 5.3.4 5.6.0 5.6.7 5.5.2 4.7.0 4.7.1 4.1.8 4.3.4",
    NOTHING: "2.0.0 2.1.5",
}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [(status, verdict) for verdict, line in STATUSES.items() for status in line.split()],
)
def test_rule_15_by_enhanced_status(status, verdict):
    assert verdict_of(status) == verdict
    assert judge(status, f"550 {status} whatever was said") == (verdict, status)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        *((code, SOFT) for code in (421, 450, 451, 452, 550, 551, 552, 553, 556)),
        *((code, OURS) for code in (500, 501, 502, 503, 504, 530, 535, 554, 555)),
    ],
)
def test_rule_15_by_reply_code_alone(reply, verdict):
    assert judge(str(reply), f"{reply} no") == (verdict, str(reply))
    assert judge(f"{reply // 100}.0.0", f"{reply} no")[0] == verdict


@pytest.mark.parametrize(
    ("code", "text", "expected"),
    [
        ("550", "550 5.1.1 no such user", (HARD, "5.1.1")),
        ("5.3.0", "500 5.3.0 Error", (OURS, "5.3.0")),
        ("5.1.1", "550 5.1.1 see also 5.7.1", (HARD, "5.1.1")),
        ("5.1.1", "host mx.example[192.0.2.4] said: 550 5.7.1 blocked", (OURS, "5.7.1")),
        ("550", "550 address 5.1.1.1 is listed", (SOFT, "550")),
        ("452", "452 4.2.2 mailbox full", (SOFT, "4.2.2")),
    ],
)
def test_where_code_and_words_differ(code, text, expected):
    assert judge(code, text) == expected


@given(st.integers(400, 599), st.text(alphabet="0123456789 abc:;-", max_size=20))
def test_no_reply_without_an_enhanced_status_is_hard(reply, text):
    assert judge(str(reply), f"{reply} {text}")[0] in (SOFT, OURS)


@given(st.text(max_size=12), st.text(max_size=40))
def test_any_text_gets_a_verdict(code, text):
    assert judge(code, text)[0] in BounceVerdict


def test_what_a_server_answers_is_told_from_words_of_ours():
    assert all(map(is_answer, ("5.1.1", "4.2.2", "550", "421")))
    assert not any(map(is_answer, ("", "expired", "lost", "letter", "250", "999", "5.1")))


def test_only_statuses_about_authentication_concern_every_letter():
    assert all(map(is_unauthenticated, ("5.7.26", "5.7.20", "5.7.25", "4.7.23", "5.7.515")))
    assert not any(map(is_unauthenticated, ("5.7.1", "5.7.0", "5.7.30", "5.1.1", "")))
