"""`tellal place`: districts, and the names that stand for them in a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import NUMBER, STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.acts import Actor
    from service.models import TaxonomyVersion
    from service.runtime import Runtime

REASON = click.option("--reason", required=True, help="Why, for the list of versions.")
USED = "used from the next article on."


@click.group()
def place() -> None:
    """See and change districts; each change is a version."""


@place.command("list")
def list_() -> None:
    """List the districts in their order."""
    from service.taxonomy.places import stored_places

    with opened_runtime() as runtime, runtime.db.read() as session:
        listed = stored_places(session, runtime.settings.config_dir)
    for one in listed:
        state = "on" if one["is_on"] else "off"
        click.echo(f"{one['slug']}\t{state}\t{one['name']}\t{', '.join(one['aliases'])}")


@place.command()
@click.argument("slug")
@click.option("--name", required=True)
@REASON
@STAFF
def add(slug: str, name: str, reason: str, staff: str) -> None:
    """Add the district SLUG, as the last one."""
    new = {"slug": slug, "name": name, "aliases": [], "neighbourhoods": [], "is_on": True}
    _save(staff, reason, lambda _listed: new, is_new=True)


@place.command()
@click.argument("slug")
@click.option("--name", help="What citizens read.")
@click.option("--alias", "aliases", multiple=True, help="Another name that stands for it.")
@click.option("--no-alias", "gone", multiple=True, help="A name that no longer does.")
@click.option("--on/--off", "is_on", default=None, help="Whether it is found and offered.")
@click.option("--position", type=click.IntRange(1, 10_000), help="Its place in the list.")
@REASON
@STAFF
def change(
    slug: str,
    name: str | None,
    aliases: tuple[str, ...],
    gone: tuple[str, ...],
    is_on: bool | None,
    position: int | None,
    reason: str,
    staff: str,
) -> None:
    """Change the district SLUG."""

    def changed(listed: list[dict[str, Any]]) -> dict[str, Any]:
        found = [one for one in listed if one["slug"] == slug]
        if not found:
            raise Refusal(f"there is no district {slug!r}; see `tellal place list`")
        kept = [one for one in found[0]["aliases"] if one not in gone]
        return {
            **found[0],
            "name": found[0]["name"] if name is None else name,
            "aliases": [*kept, *(one for one in aliases if one not in kept)],
            "is_on": found[0]["is_on"] if is_on is None else is_on,
        }

    _save(staff, reason, changed, position=None if position is None else position - 1)


@place.command()
@click.argument("number", type=NUMBER)
@REASON
@STAFF
def rollback(number: int, reason: str, staff: str) -> None:
    """Make the districts again what they were in version NUMBER, at once."""
    from service.admin import place_acts
    from service.db import utcnow

    with _acting(staff) as (runtime, session, actor):
        folder = runtime.settings.config_dir
        made = place_acts.roll_back(session, runtime.vault, folder, actor, number, reason, utcnow())
    click.echo(f"Version {made.number}, {USED}")


def _save(
    staff: str,
    reason: str,
    wanted: Callable[[list[dict[str, Any]]], dict[str, Any]],
    **more: Any,
) -> None:
    from service.admin import place_acts
    from service.db import utcnow
    from service.taxonomy.places import stored_places

    made: TaxonomyVersion
    with _acting(staff) as (runtime, session, actor):
        folder = runtime.settings.config_dir
        place = wanted(stored_places(session, folder))
        made = place_acts.save(
            session, runtime.vault, folder, actor, place, reason, utcnow(), **more
        )
    click.echo(f"Version {made.number}, {USED}")


@contextmanager
def _acting(staff: str) -> Iterator[tuple[Runtime, Session, Actor]]:
    from service.ledger.refused import Refused

    with opened_runtime() as runtime, runtime.db.write() as session:
        try:
            yield runtime, session, actor_named(session, staff)
        except Refused as error:
            raise Refusal(str(error)) from error
