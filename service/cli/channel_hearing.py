"""How a channel hears, as options of a command and in its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import click

from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.subscriptions.channel_options import Options

_ALL = (
    click.option("--frequency", type=click.Choice(["instant", "daily", "weekly"])),
    click.option("--urgent-only/--all-news", default=None, help="It hears of urgent news alone."),
    click.option(
        "--local-only/--with-city", default=None, help="Without what concerns the whole city."
    ),
    click.option("--quiet", help="Hours in which nothing is sent, as 22:00-08:00; none: never."),
)


# What `channel_acts.change` names; the others say it themselves.
_NAMES = {
    "url": "address",
    "public_url": "link",
    "hears_of": "topics and districts",
    "frequency": "how often",
    "quiet_from": "quiet hours",
    "quiet_until": "quiet hours",
}


def OPTIONS(command: Callable[..., None]) -> Callable[..., None]:  # noqa: N802
    """Let a command take them; what is not named is None."""
    for option in reversed(_ALL):
        command = option(command)
    return command


def hearing(options: dict[str, Any]) -> dict[str, Any]:
    """These options as `channel_acts` takes them.

    Raises:
        Refusal: the quiet hours are none.
    """
    quiet = options.pop("quiet", None)
    given = {name: value for name, value in options.items() if value is not None}
    if quiet is None:
        return given
    start, dash, end = quiet.partition("-")
    if quiet != "none" and not dash:
        raise Refusal("write the quiet hours as 22:00-08:00, or none")
    return given | {"quiet_from": start if dash else "", "quiet_until": end}


def in_words(options: Options) -> str:
    """One line."""
    said = [options.frequency.value]
    said += ["urgent news alone"] if options.urgent_only else []
    said += ["without news of the whole city"] if options.local_only else []
    said += [f"quiet {options.quiet_from}-{options.quiet_until}"] if options.quiet else []
    return ", ".join(said)


def in_their_words(fields: Iterable[str]) -> str:
    """What was changed, each once, joined by commas."""
    return ", ".join(dict.fromkeys(_NAMES.get(one, one.replace("_", " ")) for one in fields))
