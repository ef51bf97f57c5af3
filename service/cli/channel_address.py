"""`tellal channel address`: another address for a channel, tested before it is used."""

from __future__ import annotations

from pathlib import Path

import click

from service.cli.channel_change import await_test, changing
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import FILE, STAFF, read_secret


@click.command()
@click.argument("name")
@click.option("--url-file", type=FILE, help="File with the new Apprise URL; - reads the input.")
@click.option("--wait", type=click.IntRange(0, 300), default=20, show_default=True, help="Seconds.")
@click.option("--swap", is_flag=True, help="Use the new address, whose test has come in.")
@click.option("--drop", is_flag=True, help="Forget the new address.")
@STAFF
def address(
    name: str, url_file: Path | None, wait: int, swap: bool, drop: bool, staff: str
) -> None:
    """Give a channel another address: a test is sent there first, and `--swap` then uses it.

    As in: tellal channel address "İklim odası" --url-file new.txt, then … --swap
    """
    if (url_file is not None) + swap + drop != 1:
        raise Refusal("name one of --url-file, --swap and --drop")
    if url_file is not None:
        _offer(name, read_secret(url_file), wait, staff)
    elif swap:
        _swap(name, staff)
    else:
        _drop(name, staff)


def _offer(name: str, url: str, wait: int, staff: str) -> None:
    from service.subscriptions.channel_swap import offer
    from service.subscriptions.channel_tests import test_of_next
    from service.subscriptions.channels import channel_named

    with changing(name, staff) as (session, runtime, actor, row):
        asked = (session, runtime.vault, runtime.settings, actor, row, url)
        batch = offer(*asked, "")
    await_test(batch, wait, lambda session: test_of_next(session, channel_named(session, name)))


def _swap(name: str, staff: str) -> None:
    from service.db import utcnow
    from service.ledger.hold import free_held
    from service.models import HaltScope
    from service.subscriptions import channel_swap

    with changing(name, staff) as (session, runtime, actor, row):
        channel_swap.swap(session, runtime.vault, runtime.settings, actor, row, utcnow())
        channel_id, shown = row.id, row.masked_url
    with opened_runtime() as runtime:
        free_held(runtime.db, runtime.doorbell, HaltScope.CHANNEL, channel_id, utcnow())
    click.echo(f"Channel {name} is at {shown} now.")


def _drop(name: str, staff: str) -> None:
    from service.subscriptions import channel_swap

    with changing(name, staff) as (session, runtime, actor, row):
        is_done = channel_swap.drop(session, runtime.vault, actor, row)
    click.echo("The new address is dropped." if is_done else "There was no new address.")
