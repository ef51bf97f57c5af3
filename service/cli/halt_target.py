"""What a halt is about, as the command line names it: everything, or an article, topic, channel or
mail lane."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import nearest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.ledger.pausing import Target
    from service.models import HaltScope

_OPTIONS = (
    click.option("--all", "everything", is_flag=True, help="Everything."),
    click.option("--article", type=NUMBER, help="One article, by its number."),
    click.option("--topic", help="One topic, by its slug."),
    click.option("--channel", help="One channel, by its name or number."),
    click.option("--lane", help="One mail lane, by its name; it can only be paused."),
)


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the five options, of which `find_target` wants exactly one."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def find_target(
    *,
    everything: bool,
    article: int | None,
    topic: str | None,
    channel: str | None,
    lane: str | None,
) -> Target:
    """Look up what the options name.

    Raises:
        Refusal: not exactly one is given, or there is no such thing.
    """
    from service.ledger import pausing
    from service.models import HaltScope

    given = {
        HaltScope.ALL: "" if everything else None,
        HaltScope.ARTICLE: None if article is None else str(article),
        HaltScope.TOPIC: topic,
        HaltScope.CHANNEL: channel,
        HaltScope.LANE: lane,
    }
    named = [(scope, of) for scope, of in given.items() if of is not None]
    if len(named) != 1:
        raise Refusal("say one of --all, --article, --topic, --channel or --lane")
    scope, of = named[0]
    with opened_runtime() as runtime, runtime.db.read() as session:
        try:
            return pausing.target(session, scope, of)
        except pausing.TargetError:
            if scope == HaltScope.ARTICLE:
                raise Refusal(f"there is no article {of}") from None
            hint = nearest(of, _known(session, scope))
            raise Refusal(f"there is no {scope.value} {of!r}{hint}") from None


def words_of(target: Target) -> str:
    """How the command line names it."""
    from service.models import HaltScope

    is_all = target.scope == HaltScope.ALL
    return "everything" if is_all else f"{target.scope.value} {target.name}"


def _known(session: Session, scope: HaltScope) -> Sequence[str]:
    from sqlalchemy import select

    from service.ledger.pausing import lanes
    from service.models import HaltScope, Topic
    from service.subscriptions.channels import list_channels

    if scope == HaltScope.TOPIC:
        return session.scalars(select(Topic.slug)).all()
    if scope == HaltScope.CHANNEL:
        return [one.name for one in list_channels(session)]
    return lanes(session)
