"""Typed fields of personal chats: a name in a known grammar on a listed server, or a sentence."""

from __future__ import annotations

from urllib.parse import urlsplit

import apprise
import pytest
from cryptography.fernet import Fernet
from hypothesis import example, given
from hypothesis import strategies as st

from service.crypto import Vault
from service.personal_chat import ChatKind, Offer
from service.settings import load
from service.subscriptions.chat_addresses import (
    ChatAddress,
    ChatAddressError,
    matrix_address,
    ntfy_address,
    telegram_address,
)
from workers.chat.personal import apprise_url

OFFER = Offer(
    kinds=tuple(ChatKind),
    ntfy={"ntfy.example.org": "https://ntfy.example.org"},
    matrix_hosts=("example.org", "matrix.example.com:8448"),
    telegram_token="123456789:AAEabcdefghijklmnopqrstuvwxyz012345",
)
HOSTILE = st.one_of(
    st.text(max_size=300),
    st.builds(
        "{}{}:{}".format,
        st.sampled_from(["@", "#", "!", ""]),
        st.text(max_size=60),
        st.sampled_from(["example.org", "EXAMPLE.org", "evil.example", "example.org/..", ""]),
    ),
)


@pytest.fixture(scope="module")
def vault() -> Vault:
    return Vault(load(secret_key="k" * 32, encryption_key=Fernet.generate_key().decode()))


@given(HOSTILE)
@example("ayse?auth=token&x=")
@example("../admin")
@example("a" * 65)
def test_a_topic_is_one_path_of_the_listed_server_or_refused(text: str) -> None:
    try:
        found = ntfy_address(OFFER, "ntfy.example.org", text)
    except ChatAddressError:
        return
    url = urlsplit(apprise_url(OFFER, found))
    assert (url.scheme, url.netloc) == ("ntfys", "ntfy.example.org")
    assert url.path == f"/{text.strip()}"
    assert url.query == "mode=private&image=no"
    target = apprise.Apprise.instantiate(url.geturl())
    assert target is not None
    assert len(target) == 1


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1", "ntfy.example.org@evil.example"])
def test_a_server_that_is_not_listed_is_refused(host: str) -> None:
    with pytest.raises(ChatAddressError):
        ntfy_address(OFFER, host, "ayse-4711")


@given(HOSTILE)
@example("@ayse:example.org")
@example("#a\u202eb:example.org")
@example("!a/../b:example.org")
@example("@" + "a" * 250 + ":example.org")
def test_a_matrix_name_is_of_a_listed_server_or_refused(text: str) -> None:
    try:
        found = matrix_address(OFFER, text)
    except ChatAddressError:
        return
    assert found.host in OFFER.matrix_hosts
    assert found.room.endswith(f":{found.host}")
    assert found.room[0] in "@#!"
    assert found.room.isprintable()
    assert not any(character.isspace() for character in found.room)
    assert len(found.room.encode()) <= 255


@pytest.mark.parametrize(
    ("text", "room"),
    [
        (" @ayse:Example.ORG ", "@ayse:example.org"),
        ("#mahalle:example.org", "#mahalle:example.org"),
        ("#çarşı:example.org", "#çarşı:example.org"),
        ("!AbC123:matrix.example.com:8448", "!AbC123:matrix.example.com:8448"),
    ],
)
def test_each_form_of_a_matrix_address_is_understood(text: str, room: str) -> None:
    assert matrix_address(OFFER, text).room == room


@pytest.mark.parametrize(
    "text",
    [
        *("ayse", "@ayse", "@ayse:", "ayse@example.org", "@Ayşe:example.org", "@:example.org"),
        *("@ayse:evil.example", "@ayse:example.org:99999", "https://example.org/@ayse:example.org"),
        *("", " ", "\ud800", "@ayse:example.org evil", "#a b:example.org", "x" * 10_000),
    ],
)
def test_what_is_no_address_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ChatAddressError) as caught:
        matrix_address(OFFER, text)
    assert caught.value.field == "room"


@given(st.integers(min_value=1, max_value=2**62))
def test_a_telegram_chat_becomes_one_target(number: int) -> None:
    target = apprise.Apprise.instantiate(apprise_url(OFFER, telegram_address(number)))
    assert target is not None
    assert len(target) == 1


@pytest.mark.parametrize("number", [0, -1, -(10**12), 2**63])
def test_a_group_is_no_persons_chat(number: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        telegram_address(number)


@given(st.sampled_from(ChatKind), st.text(min_size=1, max_size=255))
def test_a_sealed_address_opens_as_it_was(vault: Vault, kind: ChatKind, room: str) -> None:
    room = room.encode("utf-8", "replace").decode()
    address = ChatAddress(kind, "ntfy.example.org", room)

    assert ChatAddress.unsealed(vault, address.sealed(vault)) == address
    assert len(address.label) <= 100
    assert len(address.lane) <= 64


def test_a_label_does_not_give_the_name_away() -> None:
    assert ntfy_address(OFFER, "ntfy.example.org", "ayse-secret-4711").label == (
        "ntfy.example.org · ays…711"
    )
    assert ntfy_address(OFFER, "ntfy.example.org", "ayse4").label == "ntfy.example.org · ays…"


def test_what_is_switched_off_is_not_offered() -> None:
    address = ntfy_address(OFFER, "ntfy.example.org", "ayse-4711")

    assert address.is_offered(OFFER)
    assert not address.is_offered(Offer(kinds=(ChatKind.NTFY,), ntfy={"other.example": "x"}))
    assert not address.is_offered(Offer(kinds=(ChatKind.MATRIX,), ntfy=OFFER.ntfy))
    assert not telegram_address(5).is_offered(Offer())
