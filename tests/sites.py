"""Sites to pull from: the seed page as a municipal site serves it, and a server on this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

DATA = Path(__file__).parent / "data"
SEED_TITLE = "İzmir’in iklim eylemi çalışmaları Avrupa gündeminde"
SEED_PATH = "/tr/Haberler/izmirin-iklim-eylemi-calismalari-avrupa-gundeminde/55000/156"
SEED_DATE = "6 Haziran 2025 Cuma"
CHROME = ("Kapat", "Haberler", "Aa", "Detaya Git", "Paylaş", "Diğer Haberler", "Tüm Haberleri Gör")
RECORDED_AT = "127.0.0.1:8081"  # where WordPress was recorded


def recorded(name: str) -> bytes:
    """A listing as WordPress gave it."""
    return (DATA / "webhooks" / f"wordpress-6.1.9-{name}").read_bytes()


def seed_text() -> str:
    return (DATA / "seed_page.txt").read_text(encoding="utf-8")


def seed_paragraphs() -> list[str]:
    """Of the article alone."""
    inner = seed_text().partition(SEED_DATE)[2].partition("Paylaş")[0]
    return [line.strip() for line in inner.split("\n") if line.strip()]


def seed_others() -> list[tuple[str, str, str]]:
    """Title, date and teaser of the four other stories."""
    inner = seed_text().partition("Tüm Haberleri Gör")[2]
    lines = [line.strip() for line in inner.split("\n") if line.strip() not in ("", "Detaya Git")]
    return list(zip(lines[0::3], lines[1::3], lines[2::3], strict=True))


def seed_page(
    body: Callable[[list[str]], str] = lambda parts: "".join(f"<p>{part}</p>" for part in parts),
    share: str = '<div class="share"><a href="#">Paylaş</a></div>',
    above: str = "",
) -> str:
    """The seed page's text in the markup of such a site; `body` marks its paragraphs up."""
    cards = "".join(
        f'<div class="card"><a href="/tr/Haberler/baska/{number}/156"><h3>{title}</h3></a>'
        f'<span class="date">{date}</span><p>{teaser}</p>'
        f'<a href="/tr/Haberler/baska/{number}/156">Detaya Git</a></div>'
        for number, (title, date, teaser) in enumerate(seed_others(), 60001)
    )
    return f"""<!doctype html><html lang="tr"><head><meta charset="utf-8">
        <title>{SEED_TITLE} - Örnek Belediyesi</title></head><body><form action="/" method="post">
        <header><a href="#">Kapat</a><nav><ul><li><a href="/tr">Ana Sayfa</a></li>
        <li><a href="/tr/Haberler">Haberler</a></li></ul></nav></header>
        <main><h2>Haberler</h2><h1>{SEED_TITLE}</h1>{above}<div><a href="#">Aa</a></div>
        <div class="tarih">{SEED_DATE}</div><div class="detay">{body(seed_paragraphs())}</div>
        {share}</main><section><h2>Diğer Haberler</h2><a href="/tr/Haberler">Tüm Haberleri Gör</a>
        {cards}</section><footer>© Örnek Belediyesi</footer></form></body></html>"""


@dataclass
class Page:
    """One answer of a server."""

    content: bytes
    media_type: str = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class CmsSite:
    """A site whose pages a test changes while it is pulled; everything asked of it is kept."""

    address: str
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    def put(self, path: str, content: str | bytes, media_type: str = "", **values: object) -> str:
        """Serve this; returns the address."""
        raw = content.encode() if isinstance(content, str) else content
        raw = raw.replace(RECORDED_AT.encode(), self.address.encode())
        kind = media_type or "text/html; charset=utf-8"
        self.pages[path] = Page(raw, kind, **values)  # type: ignore[arg-type]
        return self.url(path)

    def url(self, path: str) -> str:
        return f"http://{self.address}{path}"

    def paths(self) -> list[str]:
        """What was asked, without robots.txt, and forgotten."""
        found = [path for path, _ in self.asked if path != "/robots.txt"]
        self.asked.clear()
        return found


@contextmanager
def served() -> Iterator[CmsSite]:
    """A site on a free port; what it has not answers 404, an unchanged page 304."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            path = self.path if self.path in site.pages else self.path.partition("?")[0]
            page = site.pages.get(path, Page(b"not found", status=404))
            site.before_answer()
            tag = page.headers.get("ETag")
            if tag is not None and self.headers.get("If-None-Match") == tag:
                page = Page(b"", page.media_type, 304, page.headers)
            self.send_response(page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", page.media_type)
            self.send_header("Content-Length", str(len(page.content)))
            self.end_headers()
            self.wfile.write(page.content)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site = CmsSite(f"127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join(5)
