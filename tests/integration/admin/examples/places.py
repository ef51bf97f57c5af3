"""What staff do with districts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from service.db import utcnow
from service.models import Place
from service.runtime import Runtime
from service.taxonomy.places import publish_places, stored_places
from tests.integration.admin.examples import Example

KONAK = "konak"


def first(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.read() as session:
        return {"place_id": session.scalars(select(Place.id).where(Place.slug == KONAK)).one()}


def by_slug(_runtime: Runtime) -> dict[str, Any]:
    return {"slug": KONAK}


def changed(runtime: Runtime) -> dict[str, Any]:
    """Districts that were changed once."""
    folder = runtime.settings.config_dir
    with runtime.db.write() as session:
        listed = stored_places(session, folder)
        listed[0] = {**listed[0], "is_on": False}
        publish_places(session, folder, listed, None, "Deneme", utcnow())
    return {"number": 1}


WHY = {"reason": "Deneme"}
NEW = {"slug": "yeni-ilce", "name": "Yeni İlçe", **WHY}
EXAMPLES = {
    "staff_places.add": Example("place.add", {**NEW, "is_on": "1"}),
    "staff_places.edit": Example("place.change", {"name": "Konak", **WHY}, first),
    "staff_places.roll_back": Example("place.rollback", WHY, changed),
    "admin_places.add": Example("place.add", NEW),
    "admin_places.edit": Example(
        "place.change", {"name": "Konak", **WHY}, by_slug, {"If-Match": "*"}
    ),
    "admin_places.roll_back": Example("place.rollback", WHY, changed),
}
READS: dict[str, tuple[dict[str, Any], ...]] = {"admin_places.show": ({"slug": KONAK},)}
