"""Thin events of Directus, and its API as it answers."""

from __future__ import annotations

import json
from typing import Any

from service.models import InboxEvent
from tests.integration.ingest.conftest import load_recording
from tests.sites import CmsSite

DIRECTUS = "directus-11.16.1-items"
ITEM = "/items/haberler/1"


def serve(site: CmsSite, found: Any, status: int = 200, path: str = ITEM) -> None:
    """Answer with JSON."""
    site.put(path, json.dumps(found, ensure_ascii=False), "application/json", status=status)


def item(**fields: Any) -> dict[str, Any]:
    """The item of the recordings, as the API of Directus gives it."""
    payload = json.loads(load_recording(f"{DIRECTUS}-create").body)["payload"]
    fresh = {"status": "published", "yayin_tarihi": "2026-11-23T17:00:00Z"}
    return {"data": {**payload, **fresh, **fields}}


def inbox(town: Any) -> list[tuple[str, str]]:
    """Verdict and reason of each event, in order."""
    rows = sorted(town.all(InboxEvent), key=lambda row: row.id)
    return [(row.verdict, row.reason) for row in rows]
