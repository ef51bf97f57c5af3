"""What a stranger may ask of the hub: whatever they write ends in a request or in one sentence."""

from __future__ import annotations

from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from service.feeds.clock import FeedState, Named
from service.feeds.feed import Publisher
from service.feeds.hub import PORTS, HubRefusal, Leases, read, read_callback, read_topic
from service.feeds.keys import FeedKey
from workers.websub.calls import with_query

PUBLISHER = Publisher(
    city="İzmir",
    language="tr",
    base_url="https://haber.example",
    tag_authority="haber.example",
    hub_url="https://haber.example/hub",
    icon_url="",
)
STATE = FeedState(1, topics={"spor": Named(1, "spor", "Spor", "Sport")})
LEASES = Leases(10, 5, 20)
WORDS = st.sampled_from(
    [
        *(
            "https://",
            "http://",
            "example.com",
            "127.0.0.1",
            "[::1]",
            "[::ffff:10.0.0.1]",
            ":",
            "/",
        ),
        *(
            "@",
            "#",
            "?",
            "%",
            "%00",
            "a",
            "..",
            "\\",
            "8000",
            "22",
            "[",
            "]",
            "ı",
            " ",
            "\n",
            "0x7f.1",
        ),
        *("https://haber.example/feeds/", "spor", ".atom", ".rss", "+", "~", "all", "hub.mode=x"),
    ]
)
TEXTS = st.lists(WORDS, max_size=8).map("".join) | st.text(max_size=40)


@given(TEXTS)
@example("https://example.com:8443/cb?a=b&hub.mode=x")
def test_a_callback_is_refused_or_leads_to_a_public_looking_host(text):
    try:
        callback = read_callback(text, ())
    except HubRefusal:
        return
    parts = urlsplit(callback.url)
    assert parts.scheme in ("http", "https")
    assert parts.username is None
    assert not parts.fragment
    assert parts.port is None or parts.port in PORTS
    assert "." in callback.host
    assert callback.url.isascii()
    asked = with_query(callback.url, {"hub.mode": "subscribe", "hub.topic": "ş&="})
    assert asked.startswith(callback.url.rstrip("?"))
    assert urlsplit(asked).hostname == parts.hostname
    assert urlsplit(asked).query.endswith("hub.mode=subscribe&hub.topic=%C5%9F%26%3D")


@given(TEXTS)
@example("https://haber.example/feeds/spor.atom")
def test_a_topic_is_refused_or_is_the_canonical_address_of_a_feed(text):
    try:
        key, wanted = read_topic(text, PUBLISHER)
    except HubRefusal:
        return
    assert text == f"https://haber.example/feeds/{key}.{wanted}"
    assert FeedKey.read(str(key)) == key


@given(
    st.dictionaries(
        st.sampled_from(
            ["hub.mode", "hub.callback", "hub.topic", "hub.secret", "hub.lease_seconds", "x"]
        ),
        st.lists(TEXTS, max_size=2),
    )
)
def test_whatever_a_form_holds_it_is_read_or_refused(form):
    try:
        asked = read(form, PUBLISHER, STATE, LEASES, ())
    except HubRefusal:
        return
    assert LEASES.least_s <= asked.lease_s <= LEASES.most_s


def test_nothing_secret_of_a_request_is_shown_where_it_is_printed():
    form = {
        "hub.mode": ["subscribe"],
        "hub.topic": ["https://haber.example/feeds/spor.atom"],
        "hub.callback": ["https://reader.example.com/gizli"],
        "hub.secret": ["gizli"],
    }
    asked = read(form, PUBLISHER, STATE, LEASES, ())
    assert (asked.secret, asked.lease_s) == ("gizli", 10)
    assert "gizli" not in repr(asked)
