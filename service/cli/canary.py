"""`tellal canary`: whether the city's own synthetic subscribers hear what readers should hear."""

from __future__ import annotations

import json
import sys

import click

from service.cli.opened import opened_runtime

EXIT_SILENT = 1


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def canary(as_json: bool) -> None:
    """Say when each canary last proved that news arrives; exit code 1 where one is late.

    Canaries are set by TELLAL_CANARY_EMAIL, TELLAL_CANARY_CHANNEL and TELLAL_CANARY_FEED.
    """
    from datetime import timedelta

    from service.db import utcnow
    from service.ledger.canary_state import look
    from service.subscriptions.canaries import arrange

    now = utcnow()
    with opened_runtime() as runtime:
        limit = timedelta(seconds=runtime.settings.canary_limit_s)
        with runtime.db.write() as session:
            wrong = arrange(session, runtime.vault, runtime.settings, now)
        with runtime.db.read() as session:
            seen = look(session, now)
    told: list[dict[str, object]] = [
        {
            "kind": str(one.kind),
            "proved_at": f"{one.proved_at:%Y-%m-%dT%H:%M:%SZ}" if one.proved_at else None,
            "missed": one.missed,
            "is_late": one.is_late(now, limit),
            "said": wrong.get(one.kind) or one.said,
        }
        for one in seen
    ]
    told += [
        {"kind": kind, "proved_at": None, "missed": 0, "is_late": True, "said": said}
        for kind, said in wrong.items()
        if kind not in {one.kind for one in seen}
    ]
    if as_json:
        click.echo(json.dumps(told))
    else:
        _print(told)
    if any(one["is_late"] for one in told):
        sys.exit(EXIT_SILENT)


def _print(told: list[dict[str, object]]) -> None:
    if not told:
        click.echo("No canary is set: see TELLAL_CANARY_EMAIL in docs/canary.md.")
    for one in told:
        proved = one["proved_at"] or "never"
        missed = f"\tmissed within a day: {one['missed']}" if one["missed"] else ""
        said = f"\t{one['said']}" if one["said"] else ""
        late = "LATE" if one["is_late"] else "well"
        click.echo(f"{one['kind']}\t{late}\tlast proved: {proved}{missed}{said}")
