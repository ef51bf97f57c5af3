"""Settings of personal chat: off at first, and a wrong combination is refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from service.personal_chat import ChatKind
from service.setting_sources import SettingsError
from service.settings import load

MATRIX = {
    "matrix_homeserver": "matrix.example.org",
    "matrix_user": "@news:example.org",
    "matrix_token": "syt_x",
    "matrix_hosts": "example.org,matrix.org",
}
TELEGRAM = {
    "telegram_bot": "@IzmirNewsBot",
    "telegram_token": "123456789:AAEabcdefghijklmnopqrstuvwxyz012345",
}


def test_nothing_is_offered_at_first() -> None:
    assert load().chat_offer.kinds == ()


def test_all_three_at_once() -> None:
    offer = load(
        personal_chat="Telegram, ntfy,matrix,ntfy",
        ntfy_hosts="ntfy.example.org",
        ntfy_token="tk_x",
        **MATRIX,
        **TELEGRAM,
    ).chat_offer

    assert offer.kinds == (ChatKind.TELEGRAM, ChatKind.NTFY, ChatKind.MATRIX)
    assert offer.ntfy == {"ntfy.example.org": "https://ntfy.example.org"}
    assert offer.telegram_bot == "IzmirNewsBot"
    assert "AAE" not in repr(offer)
    assert "syt_x" not in repr(offer)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"personal_chat": "ntfy"}, "TELLAL_NTFY_HOSTS"),
        ({"personal_chat": "signal"}, "TELLAL_PERSONAL_CHAT"),
        ({"personal_chat": "ntfy", "ntfy_hosts": "https://a.example/x"}, "TELLAL_NTFY_HOSTS"),
        ({"personal_chat": "ntfy", "ntfy_hosts": "a b"}, "TELLAL_NTFY_HOSTS"),
        ({"personal_chat": "ntfy", "ntfy_hosts": "u:p@a.example"}, "TELLAL_NTFY_HOSTS"),
        ({"personal_chat": "ntfy", "ntfy_hosts": "a.example:0"}, "TELLAL_NTFY_HOSTS"),
        ({"personal_chat": "ntfy", "ntfy_hosts": "http://a.example"}, "ALLOW_PRIVATE_HOSTS"),
        (
            {"personal_chat": "ntfy", "ntfy_hosts": "a.example,b.example", "ntfy_token": "t"},
            "TELLAL_NTFY_TOKEN",
        ),
        ({"personal_chat": "matrix"}, "TELLAL_MATRIX_HOMESERVER"),
        ({"personal_chat": "matrix", **MATRIX, "matrix_hosts": ""}, "TELLAL_MATRIX_HOSTS"),
        ({"personal_chat": "matrix", **MATRIX, "matrix_user": "news"}, "TELLAL_MATRIX_USER"),
        ({"personal_chat": "matrix", **MATRIX, "matrix_token": "a b"}, "TELLAL_MATRIX_TOKEN"),
        ({"personal_chat": "telegram"}, "TELLAL_TELEGRAM_BOT"),
        ({"personal_chat": "telegram", **TELEGRAM, "telegram_bot": "a b"}, "TELLAL_TELEGRAM_BOT"),
        (
            {"personal_chat": "telegram", **TELEGRAM, "telegram_token": "geheim"},
            "TELLAL_TELEGRAM_TOKEN",
        ),
    ],
)
def test_a_wrong_combination_is_refused_in_one_sentence(values: Any, named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**values)

    said = str(caught.value)
    assert named in said
    assert "\n" not in said
    assert "geheim" not in said


def test_an_internal_server_may_be_reached_in_clear() -> None:
    offer = load(
        personal_chat="ntfy", ntfy_hosts="http://10.0.0.7:8080", allow_private_hosts="10.0.0.7"
    ).chat_offer

    assert offer.ntfy == {"10.0.0.7:8080": "http://10.0.0.7:8080"}


def test_a_token_comes_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text(TELEGRAM["telegram_token"] + "\n")
    monkeypatch.setenv("TELLAL_TELEGRAM_TOKEN_FILE", str(tmp_path / "token"))

    offer = load(personal_chat="telegram", telegram_bot="IzmirNewsBot").chat_offer

    assert offer.telegram_token == TELEGRAM["telegram_token"]


def test_what_is_not_said_to_be_at_home_is_abroad() -> None:
    servers = {"personal_chat": "ntfy,matrix,telegram", "ntfy_hosts": "ntfy.sh,ntfy.example.org"}
    far = load(**servers, **MATRIX, **TELEGRAM).chat_offer
    near = load(
        **servers,
        **MATRIX,
        **TELEGRAM,
        chat_hosts_at_home="ntfy.example.org,matrix.example.org,Example.org",
    ).chat_offer

    assert far.abroad(ChatKind.NTFY, "ntfy.example.org") == "ntfy.example.org"
    assert near.abroad(ChatKind.NTFY, "ntfy.example.org") == ""
    assert near.abroad(ChatKind.NTFY, "ntfy.sh") == "ntfy.sh"
    assert near.abroad(ChatKind.MATRIX) == "matrix.org"
    assert far.abroad(ChatKind.MATRIX) == "matrix.example.org, example.org, matrix.org"
    assert near.abroad(ChatKind.TELEGRAM) == "Telegram"
