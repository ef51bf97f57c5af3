"""The signed answers: they come back as they went, and nothing else is taken for them."""

from __future__ import annotations

import base64
import json
import zlib

import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer
from werkzeug.datastructures import MultiDict

from service.citizen.draft import ALL, MAX_EMAIL_FIELD, MAX_SLUG, MAX_SLUGS, Draft, Signer
from service.settings import load

SETTINGS = load(secret_key="a key of this test", encryption_key=Fernet.generate_key().decode())
SIGNER = Signer(SETTINGS)
SLUGS = st.lists(st.text(max_size=MAX_SLUG), max_size=5).map(tuple)
DRAFTS = st.builds(
    Draft,
    topics=SLUGS,
    places=SLUGS,
    is_local_only=st.booleans(),
    frequency=st.sampled_from(["", "instant", "daily", "weekly"]),
    way=st.sampled_from(["", "email", "feed", "chat"]),
    email=st.text(max_size=40),
    has_consent=st.booleans(),
    is_checked=st.booleans(),
    origin=st.sampled_from(["web", "embed"]),
)
FORMS = st.dictionaries(
    st.sampled_from(["topics", "places", "city_news", "frequency", "way", "email", "consent"]),
    st.lists(st.text(max_size=400) | st.sampled_from([ALL, "yes", "daily", "feed"]), max_size=300),
)
STEPS = st.sampled_from(["topics", "places", "often", "how", "address", "check", "feed", "chat"])


@given(DRAFTS)
def test_what_is_sealed_opens_again(draft: Draft) -> None:
    opened = SIGNER.open(SIGNER.seal(draft))
    assert opened is not None
    assert opened.draft == draft
    assert not opened.is_stale


@given(DRAFTS, st.data())
def test_a_seal_with_one_changed_character_opens_nothing(draft: Draft, data: st.DataObject) -> None:
    sealed = SIGNER.seal(draft)
    at = data.draw(st.integers(0, len(sealed) - 2))  # the last one carries two loose bits
    other = data.draw(st.characters(exclude_characters=sealed[at], max_codepoint=0x2FF))
    assert SIGNER.open(sealed[:at] + other + sealed[at + 1 :]) is None


@given(st.text(max_size=200))
def test_any_other_text_opens_nothing(text: str) -> None:
    assert SIGNER.open(text) is None


def test_a_seal_of_another_purpose_or_key_opens_nothing() -> None:
    data = {"topics": ["all"], "places": ["all"]}
    for key, salt in (("a key of this test", "other"), ("another key", "tellal.subscribe")):
        assert SIGNER.open(URLSafeSerializer(key, salt=salt).dumps(data)) is None


def test_a_seal_of_an_older_release_starts_again() -> None:
    older = URLSafeSerializer("a key of this test", salt="tellal.subscribe")
    assert SIGNER.open(older.dumps({"topics": ["all"], "places": ["all"]})) is None


def test_a_packed_bomb_is_not_unpacked_before_its_seal_is_right() -> None:
    bomb = zlib.compress(json.dumps({"email": "a" * 10_000_000}).encode())
    assert SIGNER.open("." + base64.urlsafe_b64encode(bomb).decode() + ".forged") is None


@given(DRAFTS, STEPS, FORMS)
def test_no_form_makes_a_draft_too_large_or_unknown(
    draft: Draft, step: str, form: dict[str, list[str]]
) -> None:
    after = draft.with_answers(step, MultiDict(form))
    for slugs in (after.topics, after.places):
        assert len(slugs) <= MAX_SLUGS
        assert all(len(slug) <= MAX_SLUG for slug in slugs)
        assert ALL not in slugs or len(slugs) == 1 or slugs in (draft.topics, draft.places)
    assert len(after.email) <= MAX_EMAIL_FIELD
    assert after.frequency in ("", "instant", "daily", "weekly")
    assert after.way in ("", "email", "feed", "chat")
    assert after.origin == draft.origin
    assert SIGNER.open(SIGNER.seal(after))


@pytest.mark.parametrize("step", ["topics", "places"])
def test_everything_covers_its_parts(step: str) -> None:
    after = Draft().with_answers(step, MultiDict([(step, "konak"), (step, ALL)]))
    assert getattr(after, step) == (ALL,)


def test_only_the_pages_with_the_box_answer_for_consent() -> None:
    ticked = MultiDict({"consent": "yes"})
    assert not Draft().with_answers("topics", ticked).has_consent
    assert Draft().with_answers("address", ticked).has_consent
    assert Draft().with_answers("check", ticked).has_consent
    given = Draft(has_consent=True)
    assert not given.with_answers("address", MultiDict()).has_consent
    assert given.with_answers("check", MultiDict()).has_consent
