"""What pages load beside themselves: the style sheet, the reader's own choice, the icon, the logo.

Each has a digest of its content in its address, so a browser keeps it for a year; all are
compressed once, at their best. The reader's choice is a sheet of its own that no cache shares, so
that pages themselves are the same for everybody and can be cached (ADR 0023).
"""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache

import brotli
from flask import Blueprint, Flask, Response, request
from flask_compress import Compress
from werkzeug.datastructures import Accept
from werkzeug.exceptions import NotFound

from service.brand import LOGO_TYPES, Brand, read_logo
from service.palette import Palette
from service.settings import Settings
from service.stylesheet import display_sheet, site_sheet, staff_sheet

COOKIE = "display"
FOREVER = "public, max-age=31536000, immutable"
FOR_A_WHILE = "public, max-age=60"  # an old page asks for what is here no more in that form
# A drawing may hold scripts and styles; opened by its own address it may do nothing.
SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" '
    'rx="9" fill="{ground}"/><g fill="{ink}"><path d="M9 17.5v5A1.5 1.5 0 0 0 10.5 24H14l9 6V10l-9 '
    '6h-3.5A1.5 1.5 0 0 0 9 17.5z"/><path fill="none" stroke="{ink}" stroke-width="2.5" '
    'stroke-linecap="round" d="M27 15.5a6 6 0 0 1 0 9M30 12a11 11 0 0 1 0 16"/></g></svg>'
)


@dataclass(frozen=True)
class Asset:
    """One file, as it is sent."""

    name: str
    media: str
    data: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.data).hexdigest()[:12]

    @property
    def path(self) -> str:
        return f"/assets/{self.digest}/{self.name}"

    def encoded(self, codings: Accept) -> tuple[bytes, str]:
        """The bytes in the best coding that a browser accepts, and its name; empty for none."""
        if not self.media.startswith(("text/", "image/svg")):
            return self.data, ""
        if codings.quality("br"):
            return _brotli(self.data), "br"
        return (_gzip(self.data), "gzip") if codings.quality("gzip") else (self.data, "")


@dataclass(frozen=True)
class Assets:
    """All files of a brand. The logo is None where our own mark stands in for it."""

    sheet: Asset
    staff: Asset
    icon: Asset
    logo: Asset | None

    @classmethod
    def of(cls, settings: Settings) -> Assets:
        brand = settings.brand
        return cls(
            sheet=Asset("site.css", "text/css; charset=utf-8", _sheet(brand.palette)),
            staff=Asset("staff.css", "text/css; charset=utf-8", staff_sheet().encode()),
            icon=brand_icon(brand),
            logo=brand_logo(settings),
        )

    def named(self, name: str) -> Asset | None:
        found = (self.sheet, self.staff, self.icon, self.logo)
        return next((asset for asset in found if asset and asset.name == name), None)


def register(app: Flask, settings: Settings) -> Assets:
    """Add the files' addresses, and the compression of public pages."""
    assets = Assets.of(settings)
    part = Blueprint("assets", __name__, url_prefix="/assets")
    part.enable_openapi = False  # type: ignore[attr-defined]  # APIFlask asks every part

    @part.get("/<digest>/<name>")
    def show(digest: str, name: str) -> Response:
        asset = assets.named(name)
        if asset is None:
            raise NotFound()
        data, coding = asset.encoded(request.accept_encodings)
        response = Response(data, content_type=asset.media)
        response.headers["Cache-Control"] = FOREVER if digest == asset.digest else FOR_A_WHILE
        response.headers["Vary"] = "Accept-Encoding"
        response.headers["Content-Security-Policy"] = SANDBOX
        if coding:
            response.headers["Content-Encoding"] = coding
        return response

    @part.get("/display.css")
    def display() -> Response:
        """What this reader has chosen: the only answer for everybody's eyes that reads a cookie."""
        chosen = display_sheet(settings.brand.palette, *choice())
        response = Response(chosen, content_type="text/css; charset=utf-8")
        response.headers["Cache-Control"] = "private, no-cache"
        response.headers["Vary"] = "Cookie"
        response.add_etag()
        response.make_conditional(request)
        return response

    app.register_blueprint(part)
    _compress_public(app)
    return assets


def choice() -> tuple[str, str]:
    """The scheme and the text size that this reader has chosen; anything, as browsers send it."""
    scheme, _, size = request.cookies.get(COOKIE, "")[:40].partition(".")
    return scheme, size


def _compress_public(app: Flask) -> None:
    """Compress what any cache may keep, and nothing else.

    A page with a secret (a form's token) beside what somebody else could choose (an address in a
    link) must not be compressed: its length would tell the secret bit by bit (BREACH). Such pages
    are private, and small. An answer that varies by coding has chosen one itself.
    """
    app.config.update(COMPRESS_REGISTER=False, COMPRESS_ALGORITHM=["br", "gzip"])
    compress = Compress(app)

    @app.after_request
    def squeeze(response: Response) -> Response:
        if response.cache_control.public and "Accept-Encoding" not in response.vary:
            return compress.after_request(response)
        return response


def brand_icon(brand: Brand) -> Asset:
    """Our mark in the city's colour."""
    drawn = _MARK.format(ground=brand.colours.brand, ink="#ffffff")
    return Asset("icon.svg", "image/svg+xml", drawn.encode())


def brand_logo(settings: Settings) -> Asset | None:
    """The city's own logo; None where it gave none."""
    if not settings.brand.logo:
        return None
    path = settings.config_dir / settings.brand.logo
    return Asset(f"logo{path.suffix}", LOGO_TYPES[path.suffix], read_logo(path))


@cache
def _sheet(palette: Palette) -> bytes:
    return site_sheet(palette).encode()


@cache
def _brotli(data: bytes) -> bytes:
    return bytes(brotli.compress(data, mode=brotli.MODE_TEXT, quality=11))


@cache
def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 9, mtime=0)
