"""The last guard of a chat message's length, for each way in which services count."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.messages.chat import ChatMessage
from workers.chat.providers.written import as_text, for_discord, for_slack, in_bytes, in_utf16

LINK = "https://www.example.bel.tr/haber/1"
SIZES = (len, in_bytes, in_utf16)


@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=40)
@given(title=st.text(max_size=300), body=st.text(max_size=900), most=st.integers(100, 600))
def test_no_text_is_longer_than_it_may_be_and_none_is_cut_without_need(size, title, body, most):
    text = as_text(ChatMessage(title, body), most, size)

    assert size(text) <= most
    whole = f"{title}\n\n{body}"
    if size(whole) <= most and size(title) <= most // 2:
        assert text == whole.strip()


@pytest.mark.parametrize("size", SIZES)
@settings(max_examples=40)
@given(body=st.text(min_size=300, max_size=900))
def test_the_address_at_the_end_stays_whole(size, body):
    text = as_text(ChatMessage("Başlık", f"{body}\n\n{LINK}"), 200, size)

    assert text.endswith(f"\n\n{LINK}")
    assert size(text) <= 200


@settings(max_examples=40)
@given(st.text(alphabet="&<>*_~|`[]#- aş\n\\", max_size=200))
def test_what_services_read_as_marks_is_shown_as_it_is(body):
    slack = for_slack(ChatMessage("a", body), 4000)
    assert not {"<", ">"} & set(slack)
    assert slack.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") == (
        f"a\n\n{body}".strip()
    )
    discord = for_discord(ChatMessage("a", body), 2000)
    shown, rest = "", discord
    while rest:
        is_escaped = rest[0] == "\\"
        assert is_escaped or rest[0] not in "*_~|`["
        shown, rest = shown + rest[is_escaped], rest[is_escaped + 1 :]
    assert shown == f"a\n\n{body}".strip()
