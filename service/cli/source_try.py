"""`tellal source try`: what would become of a webhook, storing nothing."""

from __future__ import annotations

import json
from typing import IO

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import find, preset_of


@click.command("try")
@click.argument("slug")
@click.argument("file", type=click.File("rb"))
@click.option("--header", "headers", multiple=True, help="'Name: value'; may be repeated.")
def try_(slug: str, file: IO[bytes], headers: tuple[str, ...]) -> None:
    """Show what the body in FILE would become at this source; nothing is stored.

    Some CMSs say in a header what happened: give it, as in --header "umb-webhook-event: …".
    """
    from service.db import utcnow
    from service.ingest.payload import PayloadError, parse_object
    from service.ingest.trying import try_event

    pairs = [header.partition(":") for header in headers]
    given = {name.strip().lower(): value.strip() for name, _, value in pairs}
    try:
        body = parse_object(file.read())
    except PayloadError as error:
        raise Refusal(str(error)) from error
    with opened_runtime() as runtime:
        with runtime.db.read() as session:
            row = find(session, slug)
        preset = preset_of(runtime.settings.config_dir / "presets", row.preset)
        found = try_event(runtime, {preset.name: preset}, row, given, body, utcnow())
    click.echo(json.dumps(found, ensure_ascii=False, indent=2))
