"""`tellal capacity`: what a city of a certain size needs."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from service.cli.refusal import Refusal


class Finite(click.FloatRange):
    """A range that `nan` is not in, which compares with nothing, nor what is too much to say."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        found = float(super().convert(value, param, ctx))
        if not math.isfinite(found):
            self.fail(f"{value} is no number.", param, ctx)
        return found


MOST = 1_000_000  # of what is counted: nodes, topics, days
SHARE = Finite(0, 1)
SOME = Finite(1e-6, 1e12)
COUNT = click.IntRange(1, MOST)


@click.command()
@click.option("--subscribers", type=SOME, required=True, help="How many, for example 4e6.")
@click.option("--articles", type=SOME, required=True, help="Articles of a day.")
@click.option("--mail", type=SHARE, help="Share of subscribers by mail.")
@click.option("--chat", type=SHARE, help="Share by chat; who is left reads feeds.")
@click.option("--topics", type=COUNT, help="Topics there are.")
@click.option("--topics-each", type=SOME, help="Topics that a subscriber follows.")
@click.option("--topics-of-article", type=SOME, help="Topics that an article has.")
@click.option("--open-h", type=Finite(1, 24), help="Hours in which articles come.")
@click.option("--peak", type=Finite(1, 1000), help="Busiest hour by the mean one.")
@click.option("--digest", type=SHARE, help="Share of mail readers with a daily digest.")
@click.option("--retention-days", type=click.IntRange(7, MOST), help="TELLAL_LEDGER_DAYS.")
@click.option("--failing", type=SHARE, help="Share of deliveries that leave an answer.")
@click.option("--feed-polls-h", type=SOME, help="How often an hour a feed reader asks.")
@click.option("--signed/--relay-signs", "is_signed", default=None, help="Who signs the mail.")
@click.option("--relay-s", type=SOME, help="Letters a second that one relay takes.")
@click.option("--relays", type=COUNT, help="Relays there are; else as needed.")
@click.option("--workers", type=COUNT, help="Sending processes of a node.")
@click.option("--nodes", type=COUNT, help="Nodes there are; else as needed.")
@click.option("--database-cores", type=COUNT, help="Cores of the database.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write a picture of growth."
)
def capacity(as_json: bool, svg: Path | None, **given: Any) -> None:
    """Compute rows, bytes, letters a second, nodes and minutes from measured costs of one of each.

    What is not given is assumed, and printed. The costs are those of docs/scale.md, measured on
    one machine: another one's processors are faster or slower by as much as they are.
    """
    from service.capacity.costs import Costs
    from service.capacity.load import Load
    from service.capacity.picture import FACTORS, draw
    from service.capacity.plan import Means, plan

    said = {name: value for name, value in given.items() if value is not None}
    of_means = {name: said.pop(name) for name in list(said) if name in Means.__annotations__}
    try:
        load = Load(**said)
    except ValueError as error:
        raise Refusal(str(error)) from error
    means, costs = Means(**of_means), Costs.measured()
    found = plan(load, means, costs)
    if svg is not None:
        free = Means(relay_s=means.relay_s, workers=means.workers)
        plans = [plan(load.times(factor), free, costs) for factor in FACTORS]
        try:
            svg.write_text(draw(plans), encoding="utf-8")
        except OSError as error:
            raise Refusal(f"{svg} cannot be written: {error.strerror}") from error
    if as_json:
        more = {
            "bytes": found.bytes,
            "holds": found.holds,
            "bottleneck": found.bottleneck.name,
            "reach": load.reach,
        }
        click.echo(json.dumps({**asdict(found), **more, "means": asdict(means)}, indent=1))
        return
    _print(found, means)


def _print(found: Any, means: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    from service.capacity.costs import document

    load = found.load
    table = Table("what", "how much", title=f"{load.subscribers:,.0f} subscribers")
    table.columns[1].justify = "right"
    for name, value in (
        ("reached by an article", f"{load.reach:.1%} of the subscribers"),
        ("deliveries a day", f"{found.deliveries_day:,.0f}"),
        ("letters a day, digests included", f"{found.letters_day:,.0f}"),
        ("rows a day", f"{found.rows_day:,.0f}"),
        ("rows kept", f"{found.rows_kept:,.0f}"),
        ("ledger, with indexes", f"{found.ledger_bytes / 1e9:,.1f} GB"),
        ("people and a year's articles", f"{found.other_bytes / 1e9:,.1f} GB"),
        ("write-ahead log a day", f"{found.log_bytes_day / 1e9:,.1f} GB"),
        ("messages a second, busiest hour", f"{found.peak_s:,.1f}"),
        ("sending processes", f"{found.processes:,} on {found.nodes:,} nodes"),
        ("relays", f"{found.relays:,} of {means.relay_s:,g} letters/s"),
        ("cores of the database", f"{found.database_cores:,}"),
        ("web processes behind nginx", f"{found.web_processes:,}"),
        ("memory of Redis", f"{found.redis_bytes / 1e6:,.1f} MB"),
        ("minutes until the last is told: an article", f"{found.article_min:,.1f}"),
        ("… an article to everybody by mail", f"{found.everybody_min:,.1f}"),
        ("… the day's digests", f"{found.digest_min:,.1f}"),
    ):
        table.add_row(name, value)
    use = Table("resource", "busiest hour", "has", "used", title="What is the bottleneck")
    for one in sorted(found.resources, key=lambda one: -one.use):
        use.add_row(one.name, f"{one.load:,.2f} {one.unit}", f"{one.limit:,.2f}", f"{one.use:,.0%}")
    console = Console()
    console.print(table)
    console.print(use)
    console.print(f"Bottleneck: {found.bottleneck.name}.", highlight=False)
    if not found.holds:
        console.print("It does not hold: in the busiest hour more comes than leaves.")
    made = document()
    console.print(
        f"Costs measured {made['measured']} on {made['machine'][0]}; not given was assumed: "
        f"docs/scale.md.",
        highlight=False,
    )
