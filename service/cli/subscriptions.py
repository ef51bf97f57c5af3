"""`tellal subscriptions`: what people asked for, in numbers alone."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from service.cli.opened import opened_runtime

if TYPE_CHECKING:
    from service.runtime import Runtime


@click.group()
def subscriptions() -> None:
    """Look at what people asked for; nobody's address is shown."""


@subscriptions.command()
@click.option(
    "--days",
    type=click.IntRange(1, 3660),
    default=365,
    help="What did not occur in so many days; 365 unless said.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def never(days: int, as_json: bool) -> None:
    """Count now what can never fire, and what did not, each for one reason; say what to do.

    `never`: nothing can come as things are. `unseen`: it could, and did not in these days.
    `partly`: something comes, but not what one would think. Numbers of people are multiples of
    five, and null or "few" below that.
    """
    from service.admin.figures import shown
    from service.admin.reader_figures import REMEDIES, SILENCES
    from service.subscriptions.silence import CERTAINTY, Certainty, Silence

    with opened_runtime() as runtime:
        found, names = _counted(runtime, days)
    told: list[dict[str, Any]] = []
    for key, count in sorted(found.items(), key=lambda one: (-one[1], one[0])):
        reason, topic, place = key.split(":")
        told.append(
            {
                "certainty": CERTAINTY[Silence(reason)].value,
                "reason": reason,
                "topic": names.get(("topic", topic)),
                "place": names.get(("place", place)),
                "subscriptions": shown(count),
                "why": str(SILENCES[reason]),
                "remedy": str(REMEDIES[reason]),
            }
        )
    order = list(Certainty)
    told.sort(key=lambda one: order.index(one["certainty"]))
    if as_json:
        click.echo(json.dumps(told))
        return
    for one in told:
        about = "@".join(one[name] for name in ("topic", "place") if one[name])
        many = "few" if one["subscriptions"] is None else f"{one['subscriptions']:,}"
        click.echo(f"{one['certainty']}\t{many}\t{one['why']}{f' ({about})' if about else ''}")
        click.echo(f"\t\t{one['remedy']}")
    if not told:
        click.echo("Every subscription can fire.")


def _counted(runtime: Runtime, days: int) -> tuple[Counter[str], dict[tuple[str, str], str]]:
    from datetime import timedelta

    from sqlalchemy import select

    from service.db import utcnow
    from service.models import Place, Topic
    from service.subscriptions.silence import Allowed, count_all

    allowed = Allowed.of(runtime.settings)
    found = count_all(runtime.db, allowed, utcnow(), timedelta(days=days))
    with runtime.db.read() as session:
        names = {
            (kind, str(id_)): slug
            for kind, table in (("topic", Topic), ("place", Place))
            for id_, slug in session.execute(select(table.id, table.slug))
        }
    return found, names
