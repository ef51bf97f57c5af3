"""`tellal alarms`: what went wrong for good, and what to do about it."""

from __future__ import annotations

import click

from service.cli.acting import NUMBER, STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal


@click.group(invoke_without_command=True)
@click.pass_context
def alarms(context: click.Context) -> None:
    """List live alarms, the oldest first, each with how to mend it."""
    if context.invoked_subcommand is not None:
        return
    from service.ledger.alarms import HOW_TO_MEND, live_alarms

    with opened_runtime() as runtime, runtime.db.read() as session:
        found = live_alarms(session)
    for alarm in found:
        at = alarm.raised_at.strftime("%Y-%m-%d %H:%M")
        click.echo(f"{alarm.id}\tsince {at} UTC\t{alarm.text}")
        click.echo(f"\t{HOW_TO_MEND[alarm.kind]}")
    if not found:
        click.echo("No alarm is live.")


@alarms.command()
@click.argument("alarm_id", type=NUMBER)
@click.option("--reason", default="", help="Why, for the log of acts.")
@STAFF
def clear(alarm_id: int, reason: str, staff: str) -> None:
    """Clear ALARM_ID once it was seen to; what goes wrong again raises a new one."""
    from service.db import utcnow
    from service.ledger.alarms import clear_by_id

    with acting(
        staff, "alarm.clear", alarm_id, **({"reason": reason} if reason else {})
    ) as session:
        if not clear_by_id(session, alarm_id, utcnow()):
            raise Refusal(f"no alarm {alarm_id} is live; see `tellal alarms`")
    click.echo(f"Alarm {alarm_id} is cleared.")
