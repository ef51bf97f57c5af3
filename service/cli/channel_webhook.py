"""What `tellal channel` does for webhooks: secrets, what was sent, and events sent again."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from service.cli.channel_change import changing, refusals
from service.cli.opened import opened_runtime
from service.cli.source_options import STAFF


@click.command()
@click.argument("name")
@STAFF
def secret(name: str, staff: str) -> None:
    """Make a webhook's signing secret and show it, this once.

    The one before signs beside it for seven days; one that is older is void at once.
    """
    from service.db import utcnow
    from service.subscriptions import webhook_keys

    with changing(name, staff) as (session, runtime, actor, row):
        made = webhook_keys.make(session, runtime.vault, actor, row, utcnow())
    click.echo("Its secret, shown only now:")
    click.echo(made)


@click.command()
@click.argument("name")
@click.option("--after", type=click.IntRange(1, 2**63 - 1), help="Where the page before ended.")
def deliveries(name: str, after: int | None) -> None:
    """List what a channel was sent, newest first, with each try: its time, status and duration."""
    from service.ledger.finding import Wanted, find
    from service.models import DeliveryState
    from service.subscriptions import channels
    from service.subscriptions.webhook_replay import number_of

    with refusals(), opened_runtime() as runtime, runtime.db.read() as session:
        row = channels.channel_named(session, name)
        destination = channels.destination_of(session, row.id)
        assert destination is not None, "a channel has its destination"
        found, further = find(session, Wanted(reader_id=destination.id), after)
        for one in found:
            about = one.notification
            what = f"article {about.article_id}" if about.article_id else about.payload["template"]
            number, state = number_of(about, destination.id), DeliveryState(one.delivery.state).word
            again = one.delivery.due_at
            at = f", again at {again.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if again else ""
            click.echo(f"{number}  {about.kind}  {what}  {state}{at}")
            for answer in one.answers:
                took = "" if answer.took_ms is None else f"  {answer.took_ms} ms"
                said = f"{answer.code} {answer.detail}".strip()
                click.echo(f"    {answer.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z  {said}{took}")
    if further is not None:
        click.echo(f"More: --after {further}")


@click.command()
@click.argument("name")
@click.option("--since", type=click.DateTime(("%Y-%m-%d", "%Y-%m-%dT%H:%M")), help="In UTC.")
@click.option("--article", type=click.IntRange(1, 2**63 - 1), help="The number of an article.")
@STAFF
def replay(name: str, since: datetime | None, article: int | None, staff: str) -> None:
    """Send a webhook's events again, under the same numbers: to it, and to nobody else.

    As in: tellal channel replay "Kent uygulaması" --since 2026-01-31
    """
    from service.ledger.batches import ring_batch
    from service.subscriptions.webhook_replay import replay as queue

    began = since.replace(tzinfo=UTC) if since is not None else None
    count, after = 0, 0
    while True:
        with changing(name, staff) as (session, runtime, actor, row):
            held = (session, runtime.vault, actor, row)
            done = queue(*held, since=began, article_id=article, after=after)
        with opened_runtime() as runtime:
            for batch in done.batches:
                ring_batch(runtime.doorbell, batch)
        count += len(done.batches)
        if done.further is None:
            break
        after = done.further
    are = "event is on its way" if count == 1 else "events are on their way"
    click.echo(f"{count} {are} to {name} again.")
