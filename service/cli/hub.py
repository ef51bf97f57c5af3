"""`tellal feeds subscribers`: who is pushed our feeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER, STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from datetime import datetime

    from service.models import WebsubSubscription

MOST = 1_000


@click.group(invoke_without_command=True)
@click.option("--topic", help="Only of this feed, as in iklim-cevre@bornova.")
@click.option("--all", "is_all", is_flag=True, help="Also those that are over or not confirmed.")
@click.pass_context
def subscribers(context: click.Context, topic: str | None, is_all: bool) -> None:
    """List the subscribers of our WebSub hub by topic: number, feed, host, end of the lease, and
    what the last push met. A callback itself is its subscriber's secret, and not shown."""
    if context.invoked_subcommand is not None:
        return
    from sqlalchemy import select

    from service.db import utcnow
    from service.ledger.pushes import is_live
    from service.models import WebsubSubscription

    now = utcnow()
    query = select(WebsubSubscription)
    if topic:
        query = query.where(WebsubSubscription.topic == topic)
    if not is_all:
        query = query.where(is_live(now), WebsubSubscription.verified_at.is_not(None))
    order = (WebsubSubscription.topic, WebsubSubscription.host, WebsubSubscription.destination_id)
    with opened_runtime() as runtime, runtime.db.read() as session:
        found = session.scalars(query.order_by(*order).limit(MOST)).all()
    for one in found:
        click.echo("\t".join(_described(one, now)))
    if not found:
        click.echo("Nobody is subscribed.")
    if len(found) == MOST:
        click.echo(f"These are the first {MOST:,}; name a --topic.", err=True)


@subscribers.command("end")
@click.argument("number", type=NUMBER)
@click.option("--reason", required=True, help="Why, for the log of acts; the callback hears it.")
@STAFF
def end_one(number: int, reason: str, staff: str) -> None:
    """End subscription NUMBER; its callback is told that it is denied."""
    from service import acts
    from service.db import utcnow
    from service.feeds.hub_subscriptions import deny, end
    from service.ledger.batches import ring_batch
    from service.models import WebsubEnd, WebsubSubscription

    with opened_runtime() as runtime:
        with runtime.db.write() as session:
            actor = actor_named(session, staff)
            found = session.get(WebsubSubscription, number)
            if found is not None and found.is_outside:
                raise Refusal("that is another hub: take it out of TELLAL_WEBSUB_OUTSIDE_HUBS")
            if found is None or not end(session, number, WebsubEnd.STAFF, utcnow()):
                raise Refusal(f"{number} is no live subscription; see `tellal feeds subscribers`")
            detail = {"topic": found.topic, "host": found.host, "reason": reason}
            acts.record(session, runtime.vault, actor, "hub.end", number, **detail)
            batch = deny(session, number, reason)
        ring_batch(runtime.doorbell, batch)
    click.echo(f"Subscription {number} has ended.")


def _described(one: WebsubSubscription, now: datetime) -> list[str]:
    if one.is_outside:
        what, until = "another hub", "no lease"
    else:
        what = f"{one.topic}.{one.format}"
        until = f"until {one.lease_until:%Y-%m-%d %H:%M} UTC" if one.lease_until else ""
    if one.ended_at is not None:
        until = f"ended {one.ended_at:%Y-%m-%d %H:%M} UTC: {one.end_reason}"
    elif one.verified_at is None:
        until = "not confirmed"
    elif one.lease_until is not None and one.lease_until <= now:
        until = "lease over"
    last = "never pushed to"
    if one.tried_at is not None:
        last = f"{one.last_answer} at {one.tried_at:%Y-%m-%d %H:%M} UTC"
    if one.failures:
        last += f", {one.failures} failures in a row"
    return [str(one.destination_id), what, one.host, until, last]
