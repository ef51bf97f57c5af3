"""Rows that begin: the destination of an address, and the subscriptions that a person chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.db import utcnow
from service.models import Destination, DestinationKind, Subscriber, Subscription
from service.subscriptions.addresses import lane_of
from service.subscriptions.changing import owed
from service.subscriptions.choices import Choices
from service.subscriptions.endings import CHANGED, end_rows


def start_subscriptions(session: Session, destination: Destination, choices: Choices) -> None:
    """Make the choices live: the newest wish counts.

    What is live in just this way stays as it is. What is live in another way (its frequency, or
    the news of the whole city) ends as changed and begins anew, so that the ledger's reasons keep
    saying what was asked for when something was sent.
    """
    now, frequency = utcnow(), choices.frequency
    changed = end_rows(
        session,
        destination.id,
        CHANGED,
        now,
        _is_chosen(Subscription.topic_id, choices.topic_ids),
        _is_chosen(Subscription.place_id, choices.place_ids),
        or_(
            Subscription.frequency != frequency,
            Subscription.is_local_only != choices.leaves_out_city,
        ),
    )
    owed_of = {(row.topic_id, row.place_id): owed(row, frequency) for row in changed}
    values = [
        {
            "destination_id": destination.id,
            "topic_id": topic_id,
            "place_id": place_id,
            "frequency": frequency,
            "is_local_only": choices.leaves_out_city,
            "created_at": now,
            "changed_from": owed_of.get((topic_id, place_id)),
        }
        for topic_id, place_id in choices.pairs()
    ]
    insert_new(session, Subscription, values)


def email_destination(session: Session, hashed: str, address: str, language: str) -> Destination:
    """Find or make the destination; its row lock puts two askers of one address in a line.

    It always tries to make one, and to take back the subscriber that nobody needs, so that the
    same statements run for a known address and for a new one.
    """
    subscriber_id = session.execute(
        insert(Subscriber).values(language=language).returning(Subscriber.id)
    ).scalar_one()
    new = {
        "kind": DestinationKind.EMAIL,
        "subscriber_id": subscriber_id,
        "address": address,
        "address_hash": hashed,
        "lane": lane_of(address),
        "language": language,
    }
    its = and_(Destination.kind == DestinationKind.EMAIL, Destination.address_hash == hashed)
    found = None
    while found is None:  # who had it may move away, or be erased, while we wait for the row
        insert_new(session, Destination, [new])
        found = session.scalars(select(Destination).where(its).with_for_update()).one_or_none()
    has_address = select(Destination.id).where(Destination.subscriber_id == subscriber_id).exists()
    session.execute(
        delete(Subscriber)
        .where(Subscriber.id == subscriber_id, ~has_address)
        .execution_options(synchronize_session=False)
    )
    return found


def _is_chosen(
    column: InstrumentedAttribute[int | None], ids: tuple[int, ...] | None
) -> ColumnElement[bool]:
    return column.is_(None) if ids is None else column.in_(ids)


def insert_new(session: Session, model: type, values: Sequence[Mapping[str, object]]) -> None:
    """INSERT … ON CONFLICT DO NOTHING: a row that is there already stays as it is."""
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    if values:
        session.execute(dialect.insert(model).values(values).on_conflict_do_nothing())
