"""`tellal`, the command line: one file a group of commands, each loaded only when it is asked for.

The commands start workers as processes and never import them. Whatever goes wrong ends in one clear
line and exit code 2, never in a stack trace; set TELLAL_LOG_LEVEL=DEBUG to see the trace.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from service.cli.refusal import EXIT_REFUSED, explain

# Command → the module that holds a click command of that name.
COMMANDS = {
    "up": "service.cli.up",
    "run": "service.cli.run",
    "migrate": "service.cli.migrate",
    "drain": "service.cli.drain",
    "backup": "service.cli.backup",
    "restore": "service.cli.restore",
    "release": "service.cli.release",
    "move-to": "service.cli.move_to",
    "demo": "service.cli.demo",
    "source": "service.cli.source",
    "article": "service.cli.article",
    "review": "service.cli.review",
    "topic": "service.cli.topic",
    "place": "service.cli.place",
    "model": "service.cli.model",
    "story": "service.cli.story",
    "archive": "service.cli.archive",
    "feeds": "service.cli.feeds",
    "post": "service.cli.post",
    "subscriber": "service.cli.subscriber",
    "subscriptions": "service.cli.subscriptions",
    "channel": "service.cli.channel",
    "chat": "service.cli.chat",
    "today": "service.cli.today",
    "deliveries": "service.cli.deliveries",
    "dead-letters": "service.cli.dead_letters",
    "digest": "service.cli.digest",
    "staff": "service.cli.staff",
    "key": "service.cli.key",
    "mail": "service.cli.mail",
    "doctor": "service.cli.doctor",
    "health": "service.cli.health",
    "bounces": "service.cli.bounces",
    "suppressions": "service.cli.suppressions",
    "notice": "service.cli.notice",
    "consent": "service.cli.consent",
    "erasures": "service.cli.erasures",
    "classify": "service.cli.classify",
    "audit": "service.cli.audit",
    "job": "service.cli.job",
    "alarms": "service.cli.alarms",
    "canary": "service.cli.canary",
    "retention": "service.cli.retention",
    "stats": "service.cli.stats",
    "api": "service.cli.api",
    "capacity": "service.cli.capacity",
    "config": "service.cli.config",
}


class _LazyGroup(click.Group):
    """Imports a command's module at its first use, so that `tellal --help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(
            importlib.import_module(COMMANDS[cmd_name]), cmd_name.replace("-", "_")
        )
        return command


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tellal", message="tellal %(version)s")
def cli() -> None:
    """Tellal tells a city's news to everybody who asked for it, once."""


def _log_aside() -> None:
    """What is logged goes to standard error: the output may be a secret on its way into a file."""
    from service import logs

    logs.configure()


def main() -> None:
    """Run one command; the entry point of the `tellal` script."""
    _log_aside()
    try:
        cli(prog_name="tellal")
    except Exception as error:
        if os.environ.get("TELLAL_LOG_LEVEL", "").upper() == "DEBUG":
            raise
        click.echo(f"tellal: {explain(error)}", err=True)
        sys.exit(EXIT_REFUSED)
