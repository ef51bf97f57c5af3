"""`tellal run NAME`: become one process of Tellal, for containers and service managers."""

from __future__ import annotations

import os

import click

from service.cli import processes
from service.settings import load, require_keys


@click.command()
@click.argument("name", type=click.Choice(processes.names()))
def run(name: str) -> None:
    """Become one process: the web server, a worker, the sweeper, the scheduler or the intake.

    `tellal up` runs all of them on one machine; this is for those who have their own supervisor.
    """
    settings = load()
    require_keys(settings)
    processes.prepare_folders(settings)
    command = processes.command(name, settings)
    os.execv(command[0], command)  # noqa: S606  our own command, no shell wanted
