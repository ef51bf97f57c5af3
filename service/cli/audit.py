"""`tellal audit`: does the ledger add up, and is the log of acts whole?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from service.acts import Break
    from service.runtime import Runtime

EXIT_WRONG = 1
_ANCHOR = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)


@click.group(invoke_without_command=True)
@click.option("--log", "is_log", is_flag=True, help="Judge the whole log of acts, not the ledger.")
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    metavar="NUMBER:MAC",
    help="With --log: an entry as a line of the logs has it, kept elsewhere; may be repeated.",
)
@click.pass_context
def audit(context: click.Context, is_log: bool, anchors: tuple[str, ...]) -> None:
    """Check the ledger (planned = the sum of all outcomes); exit 1 when it does not add up.

    With --log: check that no entry of the log of acts was changed, removed or added, and that it
    still holds what the logs witnessed; exit 1 with each break named.
    """
    if context.invoked_subcommand is not None:
        return
    if anchors and not is_log:
        raise Refusal("--anchor goes with --log")
    if is_log:
        _audit_log([_anchor(one) for one in anchors])
        return
    from service.ledger.audit import audit as find

    with opened_runtime() as runtime, runtime.db.read() as session:
        findings = [str(finding) for finding in find(session)]
    for finding in findings:
        click.echo(finding)
    if findings:
        click.echo(f"The ledger does not add up: {len(findings)} findings.", err=True)
        raise SystemExit(EXIT_WRONG)
    click.echo("The ledger adds up.")


@audit.command("log")
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="UTC.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M"]), help="UTC.")
@click.option("--act", default="", help="Only this act, as in channel.pause.")
def print_log(since: datetime | None, until: datetime | None, act: str) -> None:
    """Print the log as JSON lines, the oldest first, each with its mac."""
    from datetime import UTC

    import orjson

    from service.admin.acts_found import Wanted, as_json, oldest_first

    wanted = Wanted(
        act=act,
        since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC),
    )
    with opened_runtime() as runtime:
        for entry in oldest_first(runtime.db, wanted):
            click.echo(orjson.dumps(as_json(entry)))


def _audit_log(anchors: list[tuple[int, str]]) -> None:
    with opened_runtime() as runtime:
        count, breaks = _breaks(runtime)
        found = [str(one) for one in breaks]
        from service.acts import is_anchored

        with runtime.db.read() as session:
            found += [
                f"entry {number}: not the one that the logs witnessed"
                for number, mac in anchors
                if not is_anchored(session, number, mac)
            ]
    for one in found:
        click.echo(one)
    if found:
        click.echo(f"The log of acts is not whole: {len(found)} breaks.", err=True)
        raise SystemExit(EXIT_WRONG)
    click.echo(f"The log of acts is whole: {count:,} entries.")


def _breaks(runtime: Runtime) -> tuple[int, list[Break]]:
    """Walk the chain with a bar; how long it is, and where it breaks."""
    from rich.console import Console
    from rich.progress import Progress

    from service import acts

    with runtime.db.read() as session, Progress(console=Console(stderr=True)) as progress:
        length = acts.length(session)
        bar = progress.add_task("entries", total=length)

        def seen(count: int) -> None:
            progress.update(bar, advance=count)

        return length, list(acts.broken_links(session, runtime.vault, seen=seen))


def _anchor(text: str) -> tuple[int, str]:
    found = _ANCHOR.fullmatch(text)
    if found is None:
        raise Refusal(f"{text!r} is no anchor: NUMBER:MAC, with the 64 hexadecimal digits of a mac")
    return int(found[1]), found[2]
