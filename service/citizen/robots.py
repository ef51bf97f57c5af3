"""`/robots.txt` (RFC 9309): what crawlers leave alone, and where the sitemaps are.

It keeps them from pages that are one person's and from addresses without end. It hides nothing:
each of those pages is guarded by itself, and none of these lines names a token.
"""

from __future__ import annotations

from service.settings import Settings

# In every language. A line closes all addresses that begin with it; `*` is any text.
CLOSED = (
    "/my",
    "/sign-in",
    "/signed-out",
    "/subscribe",
    "/check-email",
    "/confirm/",
    "/u/",
    "/address/",
    "/display",
    "/dev/",
    "/staff",
    "/haber/*/wrong-topic",
    "/haberler?*q=",
    "/haberler?*before=",
    "/haberler?*after=",
    "/embed?topics=",
)
CLOSED_TO_ALL_LANGUAGES = ("/v1/", "/metrics")


def robots_txt(settings: Settings) -> str:
    """One group for every crawler, then the sitemaps."""
    brand = settings.brand
    paths = [brand.prefix(code) + path for code in brand.languages for path in CLOSED]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in (*paths, *CLOSED_TO_ALL_LANGUAGES))]
    names = ("sitemap.xml", "sitemap-news.xml")
    lines += ["", *(f"Sitemap: {settings.public_url}/{name}" for name in names)]
    return "\n".join(lines) + "\n"
