"""Asking the CMS for what a thin event leaves out: guarded, with the source's own token."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urljoin

from service.crypto import Vault
from service.ingest.article_page import Reader, read_article_page
from service.ingest.decoding import decode
from service.ingest.fetched import read_fetched
from service.ingest.mapping import Failed, Mapped, gone, map_enriched
from service.ingest.markup import MarkupError
from service.ingest.payload import PayloadError
from service.ingest.presets import Enrich, Preset
from service.ingest.pull_rules import load_rules
from service.models import Source
from service.outbound import Fetched, FetchFailed, fetch, origin_of
from service.settings import Settings

ENTRY = "entry"  # the preset that reads pages
GONE = 410
MISSING = 404


class Unready(FetchFailed):
    """The CMS is there, but not with the article; another try may have it."""


def enrich(
    settings: Settings,
    vault: Vault,
    source: Source,
    presets: Mapping[str, Preset],
    event: Mapped,
    *,
    is_early: bool = False,
) -> Mapped | Failed:
    """Fetch a thin event's article from the source and map it; 404 and 410 mean withdrawn.

    `is_early`: many a CMS answers 404 until it has finished what it has just told, so that then it
    means nothing yet.

    A page that says nothing of itself by JSON-LD is read as those of sources that are pulled.

    Raises:
        FetchRefused: the address is not one of the source's own, or leads inside the network.
        FetchFailed: no usable answer now; `Unready` where the CMS itself says so.
    """
    preset = presets[source.preset]
    assert preset.enrich is not None
    assert event.enrich_url is not None
    url = urljoin(source.api_url or source.base_url, event.enrich_url)
    found = fetch(
        url,
        own_origins(source),
        settings.allow_private_hosts,
        user_agent=settings.user_agent,
        secret_headers=_token(vault, source, preset.enrich.token_header),
        secret_origin=origin_of(source.api_url) if source.api_url else "",
    )
    if found.status == GONE or (found.status == MISSING and not is_early):
        return gone(event)
    if found.status != 200:
        raise Unready(f"the CMS answered {found.status}")
    try:
        document = read_fetched(preset.enrich, found.content)
    except PayloadError as error:
        if preset.enrich.form != "html":
            return Failed(f"enrich: {error}")
        reader = Reader(load_rules(settings.config_dir, {}), presets, source.timezone)
        return _read_page(reader, source, preset.enrich, event, found)
    return map_enriched(preset.enrich.rules, event, document, source.timezone, source.base_url)


def _read_page(
    reader: Reader, source: Source, enrich: Enrich, event: Mapped, found: Fetched
) -> Mapped | Failed:
    try:
        fields = read_article_page(decode(found.content, found.charset), found.url, reader)
    except MarkupError as error:
        return Failed(f"enrich: {error}")
    rules = reader.presets[ENTRY].rules
    return map_enriched(rules, event, fields, source.timezone, source.base_url)


def own_origins(source: Source) -> set[str]:
    """Where a source may be asked: at its site, at its API, and at the hosts of its articles."""
    addresses = [source.base_url, source.api_url, *(f"https://{host}" for host in source.hosts)]
    return {origin_of(address) for address in addresses if address}


def _token(vault: Vault, source: Source, header: str) -> dict[str, str]:
    if not source.sealed_token:
        return {}
    token = vault.decrypt(source.sealed_token)
    return {header: f"Bearer {token}" if header == "authorization" else token}
