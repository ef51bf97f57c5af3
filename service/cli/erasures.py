"""`tellal erasures`: who was erased stays erased, also after a backup was restored."""

from __future__ import annotations

import click

from service.cli.opened import opened_runtime


@click.group()
def erasures() -> None:
    """The list of erasures: keyed hashes, in the database and in a file beside it."""


@erasures.command()
def apply() -> None:
    """Erase again whoever a restored backup brought back. `up` and `migrate` do it by themselves.

    Whoever signed up again after their erasure stays.
    """
    from service.subscriptions.erasures import apply as apply_list

    with opened_runtime() as runtime:
        done = apply_list(runtime.db, runtime.settings)
        path = runtime.settings.erasures_path
    click.echo(f"{done} erased again. The list is in {path}.")
