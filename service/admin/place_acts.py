"""Changing districts: one at a time, as a version; and going back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.admin.scope import require_no_scope
from service.crypto import Vault
from service.ledger.refused import N_, Missing, Refused
from service.models import Taxonomy, TaxonomyVersion
from service.taxonomy.places import publish_places, stored_places
from service.taxonomy.versions import version


class Taken(Refused):
    """There is a district of this name already."""


def save(
    session: Session,
    vault: Vault,
    config_dir: Path,
    actor: Actor,
    place: dict[str, Any],
    reason: str,
    now: datetime,
    *,
    position: int | None = None,
    base: int | None = None,
    is_new: bool = False,
) -> TaxonomyVersion:
    """Publish a district with these words at this place in the list (0 is the first; null: where
    it is, a new one last).

    Raises:
        Missing, Taken, OutOfScope, Refused: why not.
    """
    require_no_scope(session, actor.staff_id)
    listed = stored_places(session, config_dir)
    slugs = [one["slug"] for one in listed]
    if is_new and place["slug"] in slugs:
        raise Taken(N_("This short name is taken"))
    if not is_new and place["slug"] not in slugs:
        raise Missing(N_("There is no such district"))
    at = len(listed) if is_new else slugs.index(place["slug"])
    wanted = [one for one in listed if one["slug"] != place["slug"]]
    wanted.insert(at if position is None else max(0, min(position, len(wanted))), place)
    made = publish_places(session, config_dir, wanted, actor.staff_id, reason, now, base)
    act = "place.add" if is_new else "place.change"
    acts.record(session, vault, actor, act, made.number, slug=place["slug"], reason=reason)
    return made


def roll_back(
    session: Session,
    vault: Vault,
    config_dir: Path,
    actor: Actor,
    number: int,
    reason: str,
    now: datetime,
) -> TaxonomyVersion:
    """Make the districts again what they were in a version; one that came since is switched off.

    Raises:
        Missing, OutOfScope, Refused: why not.
    """
    require_no_scope(session, actor.staff_id)
    old = version(session, Taxonomy.PLACES, number)
    if old is None:
        raise Missing(N_("There is no such version"))
    made = publish_places(session, config_dir, list(old.content), actor.staff_id, reason, now)
    acts.record(session, vault, actor, "place.rollback", made.number, to=number, reason=reason)
    return made
