"""Hostile addresses: refused with the reason, none looked up, none contacted."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import example, given
from hypothesis import strategies as st

from service.messages.chat import ChatMessage
from service.models import DeliveryState
from service.settings import CHAT_SCHEMES, Settings, load
from service.subscriptions import chat_schemes
from service.subscriptions.chat_urls import ChannelError, parse_chat_url, require_one_target
from tests.hostile_chat_urls import hostile_urls, table
from workers.chat.targets import ask_target

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

ROOT = Path(__file__).parents[3]
HOSTILE = list(hostile_urls())
PLAIN: Settings = load(
    var_dir="/nowhere", secret_key="k", encryption_key=Fernet.generate_key().decode()
)


class Wire:
    """Records each look at a name server and each connection; a real socket listens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
        self.port = port
        self.asked: list[str] = []
        self.met: list[Any] = []
        self.answer = ""  # what each name leads to; empty: what the system says
        lookup, connect = socket.getaddrinfo, socket.socket.connect

        def look_up(host: Any, *args: Any, **options: Any) -> Any:
            self.asked.append(str(host))
            return lookup(self.answer or host, *args, **options)

        def connects(one: socket.socket, address: Any) -> None:
            self.met.append(address)
            connect(one, address)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        for name in ("gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
            monkeypatch.setattr(socket, name, look_up)
        monkeypatch.setattr(socket.socket, "connect", connects)
        monkeypatch.setattr(socket.socket, "connect_ex", connects)


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield Wire(monkeypatch, listening.getsockname()[1])
        with pytest.raises(BlockingIOError):  # nobody has knocked
            listening.accept()


def test_there_are_many_of_each_kind() -> None:
    assert len(HOSTILE) >= 150
    assert len({one.url for one in HOSTILE}) == len(HOSTILE)


def test_each_is_refused_with_its_reason_and_nobody_is_asked(wire: Wire, subtests: Any) -> None:
    for one in HOSTILE:
        with subtests.test(one.shown):
            with pytest.raises(ChannelError) as refused:
                parse_chat_url(one.url, PLAIN)
            said = str(refused.value)
            assert one.says in said
            assert "secret" not in said
    assert (wire.asked, wire.met) == ([], [])


def test_what_is_fit_to_be_stored_is_not_contacted_either(wire: Wire) -> None:
    for url in (
        f"json://inside.example.com:{wire.port}/x",
        "https://inside.example.com/x",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#haber",
        "matrixs://user:pass@matrix.example.com/#room",
        "ntfys://ntfy.example.com/topic",
    ):
        require_one_target(parse_chat_url(url, PLAIN).url)

    assert (wire.asked, wire.met) == ([], [])


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.1", "169.254.169.254", "0.0.0.0"])
def test_a_public_name_that_leads_inside_is_refused_when_a_message_is_sent(
    wire: Wire, address: str
) -> None:
    wire.answer = address
    for scheme in ("json", "mmost", "ntfy"):
        base = f"{scheme}://inside.example.com:{wire.port}/abcdefghijkl"
        outcome, _ = ask_target(parse_chat_url(base, PLAIN).url, ChatMessage("T", "B"), ())
        assert outcome.state in (DeliveryState.REJECTED, DeliveryState.DEFERRED)

    assert set(wire.asked) == {"inside.example.com"}
    assert wire.met == []


def test_every_scheme_that_apprise_knows_has_been_decided() -> None:
    from apprise.manager_plugins import NotificationManager

    manager = NotificationManager()
    manager.load_modules()
    known = set(manager.schemas())
    allowed = set(CHAT_SCHEMES) - {chat_schemes.WEBHOOK}

    assert known - allowed - chat_schemes.NEVER - chat_schemes.OFF == set(), "nobody decided"
    assert allowed <= known
    assert known >= chat_schemes.OFF
    kinds = (
        *(allowed, chat_schemes.NEVER, chat_schemes.UNGUARDED, chat_schemes.RELAYS),
        *(chat_schemes.AT_HOME, chat_schemes.PAID, chat_schemes.UNTRIED, chat_schemes.PERSONAL),
    )
    assert sum(map(len, kinds)) == len(set().union(*kinds)), "one stands in two lists"


@pytest.mark.parametrize("scheme", sorted(chat_schemes.NEVER))
def test_no_setting_allows_what_reads_files_or_acts_on_the_server(scheme: str) -> None:
    allowing = PLAIN.model_copy(update={"chat_schemes": (scheme,)})
    for written in (scheme, scheme.upper(), scheme.title()):
        with pytest.raises(ChannelError, match="never allowed"):
            parse_chat_url(f"{written}://example.com/x", allowing)


def test_an_internal_host_is_reached_by_its_name_on_the_list_alone() -> None:
    listing = PLAIN.model_copy(update={"allow_private_hosts": ("Chat.Internal", "10.0.0.9")})
    assert (
        parse_chat_url("mmost://CHAT.internal/token", listing).masked == "mmost://chat.internal/***"
    )
    assert parse_chat_url("http://10.0.0.9/x", listing).url == "webhook+http://10.0.0.9/x"
    for other in ("json://chat2.internal/", "json://10.0.0.09/", "json://x.chat.internal/"):
        with pytest.raises(ChannelError):
            parse_chat_url(other, listing)


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("https://example.com/hook", "webhook://example.com/hook"),
        ("HTTPS://Example.com:8443/a?b=c&retry=1", "webhook://Example.com:8443/a?b=c&retry=1"),
        ("webhook://example.com", "webhook://example.com/"),
        ("https://example.com?x=y", "webhook://example.com/?x=y"),
        ("https://[2606:2800:220:1::1]/x", "webhook://[2606:2800:220:1::1]/x"),
    ],
)
def test_a_web_address_is_a_webhooks(url: str, stored: str) -> None:
    found = parse_chat_url(url, PLAIN)

    assert (found.url, found.scheme) == (stored, "webhook")
    assert re.fullmatch(r"webhook://[a-z0-9.\[\]:]+/\*\*\*", found.masked)
    require_one_target(found.url)


SECRET = "s3cr3tS3CR3T"
ODD = st.lists(
    st.one_of(
        st.sampled_from("@:/\\#?&;,%=+-.[]|'\"<>{}~^`!$*()_ \t\r\n\x00\x7f"),
        st.characters(),
        st.sampled_from(["%00", "%0d%0a", "://", "file:", "127.0.0.1", "template=", "[::1]"]),
    ),
    max_size=30,
).map("".join)
SCHEMES = st.sampled_from([*CHAT_SCHEMES, "http", "https", "file", "mailto", "", "JSON"])


@given(SCHEMES, ODD, ODD)
@example("json", "a:b@", "@[::1")
@example("https", "[", "]:9")
@example("json", "xn--a", ".1.2.3.999999999999")
def test_whatever_is_pasted_is_taken_or_refused_in_a_sentence_without_secrets(
    scheme: str, before: str, after: str
) -> None:
    for text in (
        f"{scheme}://{before}{after}",
        f"{scheme}://{before}/{SECRET}{after}",
        f"{scheme}://u:{SECRET}@{before}/{after}",
        f"{scheme}://{before}example.com/{after}?x={SECRET}",
        f"{before}{SECRET}{after}",
    ):
        try:
            shown = parse_chat_url(text, PLAIN).masked
        except ChannelError as error:
            shown = str(error)
        assert SECRET.lower() not in shown.lower()
        assert shown.isprintable()


def test_the_document_shows_the_table_as_it_is() -> None:
    refusals = {}
    for one in HOSTILE:
        with pytest.raises(ChannelError) as refused:
            parse_chat_url(one.url, PLAIN)
        said = refused.value.text % {**refused.value.values, "allowed": "…"}
        refusals[one.url] = said.replace("|", "\\|")

    assert table(refusals) in (ROOT / "docs" / "chat-addresses.md").read_text("utf-8")
