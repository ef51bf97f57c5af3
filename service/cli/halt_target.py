"""What a halt is about, as the command line names it: everything, or an article, topic, channel or
mail lane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import NUMBER, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import nearest

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.models import HaltScope

_OPTIONS = (
    click.option("--all", "everything", is_flag=True, help="Everything."),
    click.option("--article", type=NUMBER, help="One article, by its number."),
    click.option("--topic", help="One topic, by its slug."),
    click.option("--channel", help="One channel, by its name."),
    click.option("--lane", help="One mail lane, by its name; it can only be paused."),
)


@dataclass(frozen=True)
class Target:
    """A scope and the number of its object, with the words that name it."""

    scope: HaltScope
    object_id: int
    name: str
    lane: str = ""


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
    from service.models import Article, Channel, HaltScope, Topic

    given = (everything or None, article, topic, channel, lane)
    if sum(one is not None for one in given) != 1:
        raise Refusal("say one of --all, --article, --topic, --channel or --lane")
    if everything:
        return Target(HaltScope.ALL, 0, "everything")
    with opened_runtime() as runtime, runtime.db.read() as session:
        if article is not None:
            if session.get(Article, article) is None:
                raise Refusal(f"there is no article {article}")
            return Target(HaltScope.ARTICLE, article, f"article {article}")
        if topic is not None:
            found = _number(session, Topic.id, Topic.slug, topic, "topic")
            return Target(HaltScope.TOPIC, found, f"topic {topic}")
        if lane is not None:
            return _lane(session, lane)
        found = _number(session, Channel.id, Channel.name, channel or "", "channel")
        return Target(HaltScope.CHANNEL, found, f"channel {channel}")


def name_of(session: Session, scope: str, object_id: int, lane: str) -> str:
    """How a target of that scope and number is named; a mail lane by its name."""
    from service.models import Channel, HaltScope, Topic

    if scope == HaltScope.TOPIC:
        return f"topic {session.get_one(Topic, object_id).slug}"
    if scope == HaltScope.CHANNEL:
        return f"channel {session.get_one(Channel, object_id).name}"
    if scope == HaltScope.LANE:
        return f"lane {lane}"
    return "everything" if scope == HaltScope.ALL else f"article {object_id}"


@contextmanager
def acting_on(target: Target, staff: str, act: str, **detail: Any) -> Iterator[tuple[Session, int]]:
    """One transaction with its line in the audit log, and the number of who acts."""
    from sqlalchemy import select

    from service.admin.scope import OutOfScope, require_reach
    from service.models import Staff

    detail = {
        "scope": target.scope.value,
        **({"lane": target.lane} if target.lane else {}),
        **detail,
    }
    with acting(staff, f"deliveries.{act}", target.object_id or None, **detail) as session:
        who = session.scalars(select(Staff.id).where(Staff.email == staff)).one()
        try:
            require_reach(session, who, target.scope, target.object_id)
        except OutOfScope as error:
            raise Refusal(str(error)) from error
        yield session, who


def _lane(session: Session, name: str) -> Target:
    from service.ledger.lanes import number_of
    from service.ledger.pausing import lanes
    from service.models import HaltScope

    known = lanes(session)
    if name not in known:
        raise Refusal(f"there is no lane {name!r}{nearest(name, known)}")
    return Target(HaltScope.LANE, number_of(name), f"lane {name}", name)


def _number(session: Session, id_: Any, names: Any, wanted: str, noun: str) -> int:
    from sqlalchemy import select

    found: int | None = session.scalar(select(id_).where(names == wanted))
    if found is None:
        known = session.scalars(select(names)).all()
        raise Refusal(f"there is no {noun} {wanted!r}{nearest(wanted, known)}")
    return found
