"""What staff may paste as a channel, and what of it may be seen."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from service.settings import Settings, load
from service.subscriptions.chat_urls import ChannelError, parse_chat_url, require_one_target

# Apprise imports a module that Python 3.13 has dropped.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#haber"


def settings(**more: object) -> Settings:
    return load(
        var_dir="/nowhere", secret_key="k", encryption_key=Fernet.generate_key().decode(), **more
    )


@pytest.mark.parametrize(
    "scheme",
    [
        "dbus",
        "qt",
        "kde",
        "glib",
        "gnome",
        "macosx",
        "windows",
        "growl",
        "syslog",
        "exec",
        "file",
        "shell",
        "plugin",
    ],
)
def test_schemes_that_act_on_the_server_are_refused_whatever_the_settings_say(scheme: str) -> None:
    with pytest.raises(ChannelError, match="never"):
        parse_chat_url(f"{scheme}://localhost/x", settings(chat_schemes=scheme))


@pytest.mark.parametrize(
    "url",
    [
        "mailto://user:pass@example.com",
        "rsyslog://example.com",
        "apprise://example.com/token",
        "form://example.com",
        "xml://example.com",
        "mqtt://example.com/topic",
    ],
)
def test_schemes_outside_the_list_are_refused(url: str) -> None:
    with pytest.raises(ChannelError, match="not allowed"):
        parse_chat_url(url, settings())


def test_an_operator_may_allow_a_scheme() -> None:
    assert parse_chat_url("xml://example.com/x", settings(chat_schemes="xml")).scheme == "xml"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "slack",
        "slack://",
        f"{SLACK} {SLACK}",
        f"{SLACK},json://example.com",
        "slack://a\nb",
        "slack://ı/b/c",
        "json://１２７.0.0.1/",
        "json://exa%6dple.com/",
        "json://[::1/",
        "slack://" + "a" * 3000,
    ],
)
def test_what_is_not_one_plain_address_is_refused(url: str) -> None:
    with pytest.raises(ChannelError) as refused:
        parse_chat_url(url, settings())
    assert len(url) < 9 or url not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "foo.localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[fe80::1]",
        "0x7f000001",
        "2130706433",
        "127.1",
        "0",
        "10.1.2.3",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "redis",
        "chat.internal",
        "printer.local",
        "user:pass@127.0.0.1:8080",
    ],
)
def test_internal_hosts_are_refused(host: str) -> None:
    with pytest.raises(ChannelError, match="internal"):
        parse_chat_url(f"json://{host}/path", settings())


def test_internal_hosts_pass_when_the_operator_lists_them() -> None:
    allowed = settings(allow_private_hosts="127.0.0.1,chat.internal")
    assert parse_chat_url("json://127.0.0.1:9/hook", allowed).masked == "json://127.0.0.1/***"
    assert parse_chat_url("mmost://chat.internal/token", allowed).scheme == "mmost"


def test_parameters_that_tellal_owns_are_dropped_and_the_rest_stays() -> None:
    query = (
        "?retry=9&wait=1&overflow=split&verify=no&redirect=yes&rto=60&cto=60&attach=/etc/passwd"
        "&%61ttach=/etc/shadow;Verify=no&+X-Key=a+b&method=POST"
    )
    url = parse_chat_url(f"json://chat.example.com/hook{query}", settings()).url
    assert url == "json://chat.example.com/hook?+X-Key=a+b&method=POST"


@pytest.mark.parametrize("name", ["template", "Template", "%74emplate", "config", "include"])
def test_parameters_that_read_files_are_refused(name: str) -> None:
    with pytest.raises(ChannelError, match="reads files"):
        parse_chat_url(f"{SLACK}?{name}=/etc/passwd", settings())


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        (SLACK, "slack://***"),
        ("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord://***"),
        ("tgram://123456789:abcdefg_hijklmnop/1", "tgram://***"),
        ("gchat://workspace/key/token", "gchat://***"),
        ("ntfy://secret-topic", "ntfy://***"),
        ("ntfy://ntfy.example.com/secret-topic", "ntfy://ntfy.example.com/***"),
        ("matrixs://user:pass@matrix.example.com/#room", "matrixs://matrix.example.com/***"),
        ("jsons://user:pass@example.com:8443/path?x=secret", "jsons://example.com/***"),
        ("JSON://example.com", "json://example.com/***"),
    ],
)
def test_a_mask_shows_a_server_and_never_a_token(url: str, masked: str) -> None:
    assert parse_chat_url(url, settings()).masked == masked


def test_apprise_must_understand_it() -> None:
    require_one_target(SLACK)
    with pytest.raises(ChannelError, match="incomplete"):
        require_one_target("slack://too-little")


def test_several_targets_are_several_channels() -> None:
    with pytest.raises(ChannelError, match="one room"):
        require_one_target("ntfy://ntfy.example.com/a/b")
