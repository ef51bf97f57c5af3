"""`tellal today`: the pipeline as it is now."""

from __future__ import annotations

import json

import click

from service.cli.opened import opened_runtime


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON document, as the API gives it.")
def today(as_json: bool) -> None:
    """Say what waits at each stage and since when, and what somebody should look at."""
    from service.admin.api.today import told
    from service.admin.today import look

    with opened_runtime() as runtime:
        lengths = runtime.doorbell.lengths()
        with runtime.db.read() as session:
            seen = told(look(session, lengths))
    if as_json:
        click.echo(json.dumps(seen.model_dump(mode="json"), ensure_ascii=False))
        return
    click.echo(f"As of {seen.at:%Y-%m-%d %H:%M:%S} UTC")
    for stage in seen.stages:
        since = f", the oldest since {stage.since:%Y-%m-%d %H:%M} UTC" if stage.since else ""
        late = {"good": "", "warn": ", slow", "bad": ", too slow"}[stage.tone]
        click.echo(f"{stage.stage}: {stage.count}{'+' * stage.is_more}{since}{late}")
    for lane in seen.lanes:
        click.echo(f"{lane.kind} {lane.lane}: {lane.open} open batches, {lane.held} held")
    if any(queue.length is None for queue in seen.queues):
        click.echo("The broker does not answer; the sweeper does the work from the database.")
    for queue in seen.queues:
        if queue.length:
            click.echo(f"queue {queue.queue}: {queue.length} tasks wait")
    for closed in seen.closed:
        click.echo(f"closed: {closed.name} until {closed.until:%H:%M} UTC: {closed.reason}")
    for source in seen.troubled_sources:
        click.echo(f"silent or paused: source {source}; see `tellal source list`")
    for kind, count in seen.given_up.items():
        click.echo(f"given up: {count} of kind {kind}; see `tellal dead-letters list {kind}`")
    if seen.alarms:
        click.echo(f"{len(seen.alarms)} alarms are live; see `tellal alarms`")
    if seen.is_well:
        click.echo("All is well.")
