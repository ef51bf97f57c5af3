"""Districts as the classifier takes them: the rules of config/places.yaml, with what staff changed.

What is a word of a person (a name, another name, a neighbourhood, whether it is used at all) lives
in the database once staff have changed it. What is a pattern lives in the file (ADR 28).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify import PlaceRules
from service.classify.taxonomy import Place as PlaceTerms
from service.classify.text import match_key
from service.ledger.refused import N_
from service.models import Place, Taxonomy, TaxonomyVersion
from service.taxonomy.checking import MAX_NAME, MAX_SLUG, SLUG, Mistaken, Mistakes
from service.taxonomy.topics import places_of
from service.taxonomy.versions import Conflict, Nothing, keep, newest, take_turn

MAX_ALIASES = 500


def place_rules(session: Session, config_dir: Path) -> PlaceRules:
    """The rules of the file with the words of the database; without rows, those of the file."""
    rules = file_rules(config_dir)
    rows = session.scalars(select(Place).order_by(Place.position, Place.id)).all()
    if not rows:
        return rules
    listed = {place.slug: place for place in rules.places}
    places = tuple(_terms(row, listed) for row in rows if row.is_on)
    return rules if places == rules.places else replace(rules, places=places)


@lru_cache(maxsize=2)
def file_rules(config_dir: Path) -> PlaceRules:
    """What the file says, read once a process."""
    return places_of(config_dir)


def _terms(row: Place, listed: Mapping[str, PlaceTerms]) -> PlaceTerms:
    found = listed.get(row.slug, PlaceTerms(row.slug, row.name))
    return replace(
        found,
        name=row.name,
        aliases=found.aliases if row.aliases is None else tuple(row.aliases),
        neighbourhoods=(
            found.neighbourhoods if row.neighbourhoods is None else tuple(row.neighbourhoods)
        ),
    )


def stored_places(session: Session, config_dir: Path) -> list[dict[str, Any]]:
    """All districts in their order, as a version keeps them: with what the file says where staff
    changed nothing."""
    listed = {place.slug: place for place in file_rules(config_dir).places}
    return [
        {
            "slug": row.slug,
            "name": terms.name,
            "aliases": list(terms.aliases),
            "neighbourhoods": list(terms.neighbourhoods),
            "is_on": row.is_on,
        }
        for row in session.scalars(select(Place).order_by(Place.position, Place.id))
        for terms in [_terms(row, listed)]
    ]


def mistakes_of(place: Mapping[str, Any], others: list[dict[str, Any]]) -> Mistakes:
    """What is wrong with a district, by field; a name may stand for one district alone."""
    found: Mistakes = {}
    if not SLUG.fullmatch(place["slug"]) or len(place["slug"]) > MAX_SLUG:
        text = N_("Write a short name of a-z, 0-9 and hyphens; it never changes")
        found["slug"] = (text, {})
    if not 0 < len(place["name"]) <= MAX_NAME:
        found["name"] = (N_("Write a name of %(most)s characters at most"), {"most": MAX_NAME})
    taken = {
        match_key(name): other["name"]
        for other in others
        for name in (other["name"], *other["aliases"])
    }
    for field in ("aliases", "neighbourhoods"):
        names = place[field]
        keys = [match_key(name).strip() for name in names]
        if len(names) > MAX_ALIASES or any(len(name) > MAX_NAME for name in names):
            found[field] = (N_("At most %(most)s lines"), {"most": MAX_ALIASES})
        elif not all(keys) or len(set(keys)) < len(keys):
            found[field] = (N_("Write each name once, with letters in it"), {})
        elif field == "aliases" and (both := [taken[key] for key in keys if key in taken]):
            found[field] = (N_("One of these names stands for %(other)s"), {"other": both[0]})
    if match_key(place["name"]) in taken:
        found["name"] = (N_("This name is taken"), {})
    return found


def publish_places(
    session: Session,
    config_dir: Path,
    wanted: list[dict[str, Any]],
    staff_id: int | None,
    reason: str,
    now: datetime,
    base: int | None = None,
) -> TaxonomyVersion:
    """Make these the districts, in this order, from the next article on. One that is not listed
    is switched off: people and articles refer to it.

    Raises:
        Conflict: another version was published since.
        Nothing: they are the districts already.
        Mistaken: a field has a mistake.
    """
    take_turn(session)
    if base is not None and base != newest(session, Taxonomy.PLACES):
        raise Conflict(N_("Somebody published another version meanwhile; start again from it"))
    before = stored_places(session, config_dir)
    slugs = {place["slug"] for place in wanted}
    wanted = wanted + [{**one, "is_on": False} for one in before if one["slug"] not in slugs]
    if before == wanted:
        raise Nothing(N_("Nothing changes"))
    for place in wanted:
        others = [one for one in wanted if one["slug"] != place["slug"]]
        if place not in before and (found := mistakes_of(place, others)):
            raise Mistaken(found)
    was = {place["slug"]: place for place in before}
    rows = {row.slug: row for row in session.scalars(select(Place))}
    for position, place in enumerate(wanted):
        row = rows.get(place["slug"]) or Place(slug=place["slug"])
        session.add(row)
        _write(row, was.get(place["slug"], {}), place, position)
    session.flush()
    return keep(session, Taxonomy.PLACES, before, wanted, staff_id, reason, now)


def _write(row: Place, was: Mapping[str, Any], place: Mapping[str, Any], position: int) -> None:
    """Only what differs leaves the file."""
    row.name, row.is_on, row.position = place["name"], place["is_on"], position
    for field in ("aliases", "neighbourhoods"):
        if was.get(field) != place[field]:
            setattr(row, field, list(place[field]))
