"""`tellal source set` and `replay`: what changes about a source after it was added."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import (
    FASTEST,
    FILE,
    MAX_HOLD_S,
    STAFF,
    actor_of,
    find,
    read_secret,
    refusals,
)


@click.command("set")
@click.argument("slug")
@click.option("--hold", "hold_s", type=click.IntRange(0, MAX_HOLD_S), help="Seconds of hold.")
@click.option("--rate", "rate_per_minute", type=click.IntRange(1, FASTEST), help="Per minute.")
@click.option("--urgent/--no-urgent", "may_send_urgent", default=None, help="May it be urgent?")
@click.option("--pause/--resume", "is_paused", default=None, help="Paused: events are ignored.")
@click.option("--base-url", help="Address of the site.")
@click.option("--api-url", help="Address of the CMS's API.")
@click.option("--host", "hosts", multiple=True, help="Host of its links; replaces all of before.")
@click.option("--timezone", help="Of times without a zone, as Europe/Istanbul.")
@click.option("--identifier", help="TYPO3: that of the webhook. Contentful: the path it posts to.")
@click.option("--api-token-file", type=FILE, help="File with a token for the CMS’s API.")
@STAFF
def set_(
    slug: str, hosts: tuple[str, ...], api_token_file: Path | None, staff: str, **values: Any
) -> None:
    """Change a source; what is not named stays as it is."""
    from service.ingest.managing import sources

    changes = {name: value for name, value in values.items() if value is not None}
    changes |= {"hosts": hosts} if hosts else {}
    if not changes and api_token_file is None:
        raise Refusal("nothing to change; see `tellal source set --help`")
    token = read_secret(api_token_file) if api_token_file else None
    with refusals(), opened_runtime() as runtime, runtime.db.write() as session:
        row = sources.locked(session, find(session, slug).id)
        assert row is not None, "no source is ever deleted"
        actor = actor_of(session, staff)
        names = sources.change(session, runtime.vault, actor, row, api_token=token, **changes)
    click.echo(f"Source {slug}: {', '.join(names) or 'nothing'} changed.")


@click.command("replay")
@click.argument("slug")
@STAFF
def replay(slug: str, staff: str) -> None:
    """Read the failed events of a source again, after its preset or its CMS was mended.

    They count as of when they came: what a later event, a poll or staff changed since stays so, and
    of what came more than two days ago nobody is told.
    """
    from service import acts
    from service.ingest.presets import load_presets
    from service.ingest.replaying import replay_failed

    count = 0
    with opened_runtime() as runtime:
        with runtime.db.write() as session:
            row = find(session, slug)
            if row.is_paused:
                raise Refusal(f"{slug} is paused; first say tellal source set {slug} --resume")
            actor = actor_of(session, staff)
            acts.record(session, runtime.vault, actor, "source.replay", row.id)
        presets = load_presets(runtime.settings.config_dir / "presets")
        for event in replay_failed(runtime, row, presets):
            count += 1
            received = f"{event.received_at:%Y-%m-%d %H:%M} UTC"
            words = ": ".join(filter(None, (event.verdict, event.reason)))
            click.echo(f"Event {event.inbox_id}, received {received}: {words}")
    click.echo(f"{count} failed events of {slug} were read again.")
