"""Fetches of pull mode reach a source's own public addresses and nothing else, whatever it says."""

from __future__ import annotations

import gzip
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.models import PullKind
from service.outbound import FetchFailed, FetchRefused, fetch, origin_of
from service.outbound.fetching import MAX_REDIRECTS, _PageSession
from workers.pull.site import robots

HOME = "https://www.example.bel.tr"
PUBLIC, OTHER_PUBLIC, INSIDE = "93.184.215.14", "1.1.1.1", "10.0.0.7"


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every address that somebody tried to connect to; only this machine's can be reached."""
    tried: list[tuple[str, int]] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family not in (socket.AF_INET, socket.AF_INET6):
            return real(self, address)  # the databases
        tried.append(address[:2])
        if address[0] != "127.0.0.1":
            raise ConnectionRefusedError("not from a test")
        return real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """A name server: each name has a list of answers, one for each question, the last one stays."""
    table: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def getaddrinfo(host, port, *args, **options):  # type: ignore[no-untyped-def]
        answers = table.get(host)
        if answers is None:
            return real(host, port, *args, **options)
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (
                socket.AF_INET6 if ":" in one else socket.AF_INET,
                *(socket.SOCK_STREAM, 6, ""),
                (one, port, 0, 0) if ":" in one else (one, port),
            )
            for one in addresses
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return table


def ask(url: str, *internal: str, home: str = "") -> object:
    return fetch(url, {origin_of(home or url)}, internal, user_agent="Tellal/test")


INSIDE_HOSTS = [
    *(
        "127.0.0.1",
        "127.0.0.1:6379",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
    ),
    *(
        "169.254.169.254",
        "100.64.0.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "localhost",
    ),
    *("[::ffff:127.0.0.1]", "[::ffff:169.254.169.254]", "[::ffff:a00:1]", "[64:ff9b::7f00:1]"),
    *(
        "192.168.1.1",
        "localhost",
        "[2002:7f00:1::]",
        "2130706433",
        "0x7f000001",
        "127.1",
        "0177.0.0.1",
    ),
]


@pytest.mark.parametrize("host", INSIDE_HOSTS)
def test_an_address_inside_the_network_is_refused_in_every_disguise(host, wire, logged):
    with pytest.raises((FetchRefused, FetchFailed)):
        ask(f"https://{host}/latest/meta-data/")

    assert wire == []
    assert [level for level, _ in logged] == ["warning"]


@pytest.mark.parametrize("address", ["127.0.0.1", INSIDE, "169.254.169.254", "::1", "::ffff:a00:1"])
def test_a_name_that_leads_inside_is_refused(address, names, wire, logged):
    names["www.example.bel.tr"] = [[address]]

    with pytest.raises(FetchRefused, match="no address that may be reached"):
        ask(f"{HOME}/rss")

    assert wire == []
    assert ("warning", "outbound address refused") in logged


def test_of_several_addresses_only_the_public_ones_are_tried(names, wire):
    names["www.example.bel.tr"] = [[INSIDE, PUBLIC, "127.0.0.1", "::1"]]

    with pytest.raises(FetchFailed):
        ask(f"{HOME}/rss")

    assert {host for host, _ in wire} == {PUBLIC}


def test_a_name_that_is_public_once_and_inside_ever_after_is_asked_for_once(names, wire):
    names["www.example.bel.tr"] = [[PUBLIC], [INSIDE]]

    with pytest.raises(FetchFailed):
        ask(f"{HOME}/rss")
    assert wire == [(PUBLIC, 443)]
    with pytest.raises(FetchRefused):
        ask(f"{HOME}/rss")
    assert wire == [(PUBLIC, 443)]


FORBIDDEN = [
    *("file:///etc/passwd", "ftp://www.example.bel.tr/", "gopher://www.example.bel.tr:70/_x"),
    *("data:text/html,x", "javascript:alert(1)", "ldap://www.example.bel.tr/", "//evil.example/"),
    *("", "www.example.bel.tr", "https://", "https://[::1", "https:///etc", "HTTPS:/x"),
    *("http://www.example.bel.tr/rss", "https://www.example.bel.tr:8443/rss"),
    *("https://user@www.example.bel.tr/", "https://user:pw@www.example.bel.tr/"),
    *("https://www.example.bel.tr@evil.example/", "https://evil.example/"),
    *("https://www.example.bel.tr.evil.example/", "https://evil.example#@www.example.bel.tr/"),
    "https://www.example.bel.tr:99999/",
]
ODD = [
    *("https://www.example.bel.tr:0/", "https://www.example.bel.tr\\@evil.example/"),
    *("https://www.example.bel.tr/\r\nHost: evil.example", "https://www.example.bel.tr /"),
]


@pytest.fixture
def two_sites(names) -> None:
    names["www.example.bel.tr"], names["evil.example"] = [[PUBLIC]], [[OTHER_PUBLIC]]


@pytest.mark.usefixtures("two_sites")
@pytest.mark.parametrize("url", FORBIDDEN)
def test_other_schemes_ports_hosts_and_names_in_the_address_are_refused(url, wire, logged):
    with pytest.raises(FetchRefused):
        ask(url, home=HOME)

    assert wire == []
    assert logged == [("warning", "fetch refused")]


@pytest.mark.usefixtures("two_sites")
@pytest.mark.parametrize("url", ODD)
def test_an_address_that_two_parsers_may_read_differently_leads_to_no_other_host(url, wire):
    with pytest.raises((FetchRefused, FetchFailed)):
        ask(url, home=HOME)

    assert {host for host, _ in wire} <= {PUBLIC}


class Hostile(BaseHTTPRequestHandler):
    """A site of the source that leads elsewhere, or never ends."""

    target = ""
    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        if self.path == "/robots.txt":
            self.send_error(404)
        elif self.path == "/bomb":
            self._send(gzip.compress(b"\0" * 60_000_000), "gzip")
        elif self.path == "/long":
            self._send(b"a" * 3_000_000)
        elif self.path == "/drip":
            self._drip(b"HTTP/1.1 200 OK\r\n\r\n")
        elif self.path == "/headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-A: ")
        elif self.path == "/silent":
            self._drip(b"")
        else:
            self.send_response(302)
            self.send_header("Location", self.target)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _send(self, content: bytes, encoding: str = "identity") -> None:
        self.send_response(200)
        self.send_header("Content-Encoding", encoding)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _drip(self, head: bytes) -> None:
        self.wfile.write(head)
        for _ in range(600):
            if halt.wait(0.05):
                return
            if head:
                self.wfile.write(b"a")

    def log_message(self, *_: object) -> None:
        return


halt = threading.Event()


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """The other side hangs up: that is what is tested."""


@pytest.fixture
def hostile() -> Iterator[str]:
    halt.clear()
    robots.forget()
    Hostile.asked = 0
    server = QuietServer(("127.0.0.1", 0), Hostile)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    halt.set()
    server.shutdown()
    server.server_close()
    thread.join(5)


REDIRECTS = [
    *("http://127.0.0.1:1/", "http://localhost/", "http://10.0.0.1/", "http://169.254.169.254/"),
    *("http://[::1]/", "https://evil.example/", "https://127.0.0.1/", "//evil.example/x"),
    *("file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1:6379/_FLUSHALL", "data:,x"),
    *("http://a:b@127.0.0.1/", "http://127.0.0.1:99999/"),
]


@pytest.mark.parametrize("target", REDIRECTS)
def test_a_redirect_leads_nowhere_else(hostile, target, wire, logged):
    Hostile.target = target
    own = int(hostile.rpartition(":")[2])

    with pytest.raises(FetchRefused):
        ask(f"{hostile}/away", "127.0.0.1")

    assert wire == [("127.0.0.1", own)]
    assert logged == [("warning", "fetch refused")]


def test_a_redirect_that_is_no_address_fails(hostile, wire):
    Hostile.target = "http://["

    with pytest.raises(FetchFailed):
        ask(f"{hostile}/away", "127.0.0.1")

    assert len(wire) == 1


def test_a_redirect_from_https_to_http_is_refused(names, wire, logged, monkeypatch):
    names["www.example.bel.tr"] = [[PUBLIC]]

    class Moved:
        status_code = 301
        headers = {"Location": "http://www.example.bel.tr/rss"}  # noqa: RUF012

    monkeypatch.setattr("service.outbound.fetching._get", lambda *_: Moved)
    with pytest.raises(FetchRefused, match="not https"):
        ask(f"{HOME}/rss")

    assert wire == []
    assert logged == [("warning", "fetch refused")]


def test_endless_redirects_end(hostile):
    Hostile.target = "/again"

    with pytest.raises(FetchFailed, match="more than 5 redirects"):
        ask(f"{hostile}/away", "127.0.0.1")

    assert Hostile.asked == MAX_REDIRECTS + 1


@pytest.mark.parametrize("path", ["/bomb", "/long"])
def test_more_than_two_mebibytes_are_not_read(hostile, path):
    with pytest.raises(FetchFailed, match="more than"):
        ask(hostile + path, "127.0.0.1")


@pytest.mark.parametrize("path", ["/drip", "/headers", "/silent"])
def test_a_drip_is_cut_off(hostile, path, monkeypatch):
    monkeypatch.setattr(_PageSession, "deadline_s", 0.3)

    with pytest.raises(FetchFailed):
        ask(hostile + path, "127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        *("https://169.254.169.254/latest/", "https://10.0.0.7/feed", "http://www.example.bel.tr/rss"),
        *("file:///etc/passwd", "https://localhost/rss", "https://a:b@www.example.bel.tr/rss"),
    ],
)  # fmt: skip
def test_a_pull_of_a_forbidden_address_says_so_and_connects_nowhere(
    pulled, url, names, wire, logged, monkeypatch
):
    names["www.example.bel.tr"] = [[INSIDE]]
    monkeypatch.setattr(pulled.site, "url", lambda _: url)
    pulled.configure(PullKind.FEED, "")

    pull = pulled.poll()

    assert pull.reason
    assert pull.failures == 1
    assert wire == []
    assert ("warning", "poll failed") in logged


def test_pages_and_sitemaps_that_a_listing_names_are_under_the_guard_too(
    pulled, names, wire, logged
):
    pulled.site.put(
        "/s.xml",
        "<sitemapindex><sitemap><loc>http://10.0.0.7/a.xml</loc></sitemap>"
        "<sitemap><loc>/b.xml</loc></sitemap></sitemapindex>",
        "application/xml",
    )
    pulled.site.put(
        "/b.xml", "<urlset><url><loc>http://127.0.0.1:6379/x</loc></url></urlset>", "text/xml"
    )
    pulled.configure(PullKind.SITEMAP, "/s.xml")
    pulled.poll()

    own = int(pulled.site.address.rpartition(":")[2])
    assert set(wire) == {("127.0.0.1", own)}
    assert len(pulled.articles) == 0
    assert ("warning", "fetch refused") in logged
