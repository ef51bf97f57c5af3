"""A listing as a site answers it, and what is read in it."""

from __future__ import annotations

from pathlib import Path

from service.ingest.listing import read_listing
from service.ingest.pull_rules import load_rules
from service.models import PullKind
from service.outbound import Fetched

CONFIG = Path(__file__).parents[3] / "config"
SITE = "https://www.example.bel.tr/"
ZONE = "Europe/Istanbul"
TYPES = {
    PullKind.FEED: "application/rss+xml",
    PullKind.SITEMAP: "application/xml",
    PullKind.WORDPRESS: "application/json",
    PullKind.HTML: "text/html",
}


def read(kind, content, media_type=None, charset=None, rules=None):
    raw = content.encode() if isinstance(content, str) else content
    kind_of_content = TYPES[kind] if media_type is None else media_type
    fetched = Fetched(SITE, 200, raw, kind_of_content, charset)
    return read_listing(kind, fetched, ZONE, load_rules(CONFIG, rules or {}))


def rss(item="", head=""):
    return f"{head}<rss version='2.0'><channel><title>x</title>{item}</channel></rss>"


def only(listing):
    (entry,) = listing.entries
    return entry
