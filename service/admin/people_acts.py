"""What the staff do for one person: each act with its reason and its line in the log of acts.

Pages, API and command line call these, so that the rules are the same by every door.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from service import acts
from service.acts import Actor
from service.db import utcnow
from service.ledger import suppressions
from service.ledger.batches import ring_batch
from service.models import Batch, Destination, Suppression
from service.runtime import Runtime
from service.subscriptions import office
from service.subscriptions.erasures import erase_for_good
from service.subscriptions.exporting import Export


class NotNow(Exception):
    """It cannot be done as things are; the text says why."""


NOTHING_WAITS = "Nothing waits for a confirmation, or its person has asked for no more mail"
NOT_CONFIRMED = "This address was never confirmed, or its person has asked for no more mail"
NOTHING_LIVE = "None of these subscriptions is live"
NOT_SUPPRESSED = "This address is not suppressed"
SUPPRESSED_ALREADY = "Its person has asked for no more mail already"
GONE = "This person is gone: their data were erased, or nothing was known of them"


def resend(runtime: Runtime, actor: Actor, destination_id: int, reason: str) -> None:
    """Send the link that confirms a sign-up once more.

    Raises:
        NotNow: nothing waits for a confirmation.
    """
    _send(runtime, actor, "subscriber.resend", destination_id, reason, NOTHING_WAITS)


def send_sign_in(runtime: Runtime, actor: Actor, destination_id: int, reason: str) -> None:
    """Send a link to sign in.

    Raises:
        NotNow: the address was not confirmed.
    """
    _send(runtime, actor, "subscriber.sign-in-link", destination_id, reason, NOT_CONFIRMED)


def _send(
    runtime: Runtime, actor: Actor, act: str, destination_id: int, reason: str, problem: str
) -> None:
    batch: Batch | None
    with runtime.db.write() as session:
        hashed = office.hash_of(session, destination_id)
        if hashed is None:
            raise NotNow(GONE)
        if act == "subscriber.resend":
            batch = office.resend_confirmation(session, destination_id, actor.request_id)
        else:
            batch = office.send_sign_in(session, runtime.vault, destination_id, actor.request_id)
        if batch is None:
            raise NotNow(problem)
        vault = runtime.vault
        acts.record(session, vault, actor, act, destination_id, subject=hashed, reason=reason)
    ring_batch(runtime.doorbell, batch)


def end(
    runtime: Runtime,
    actor: Actor,
    destination_id: int,
    reason: str,
    only: Sequence[int] | None = None,
) -> int:
    """End a person's live subscriptions, all or these; returns how many.

    Raises:
        NotNow: none of them is live.
    """
    with runtime.db.write() as session:
        hashed = office.hash_of(session, destination_id)
        if hashed is None:
            raise NotNow(GONE)
        count = office.end_subscriptions(session, destination_id, only)
        if not count:
            raise NotNow(NOTHING_LIVE)
        acts.record(
            session,
            runtime.vault,
            actor,
            "subscriber.end",
            destination_id,
            subject=hashed,
            reason=reason,
            subscriptions=count,
        )
    return count


def export(runtime: Runtime, actor: Actor, destination_id: int, reason: str) -> Export:
    """All that is kept about a person, to be given to nobody but them.

    Raises:
        NotNow: nobody is there any more.
    """
    _note(runtime, actor, "subscriber.export", destination_id, reason)
    return Export.of(runtime.db, destination_id, runtime.settings.city_name, utcnow())


def erase(runtime: Runtime, actor: Actor, destination_id: int, reason: str) -> None:
    """Erase a person for good, as they can themselves.

    Raises:
        NotNow: nobody is there any more.
    """
    _note(runtime, actor, "subscriber.erase", destination_id, reason)  # it names no address
    erase_for_good(runtime.db, runtime.settings, destination_id, utcnow())


def _note(runtime: Runtime, actor: Actor, act: str, destination_id: int, reason: str) -> None:
    with runtime.db.write() as session:
        hashed = office.hash_of(session, destination_id)
        if hashed is None:
            raise NotNow(GONE)
        vault = runtime.vault
        acts.record(session, vault, actor, act, destination_id, subject=hashed, reason=reason)


def suppress(runtime: Runtime, actor: Actor, hashed: str, reason: str) -> None:
    """Write to an address no more, because its person asked the office for it.

    Raises:
        NotNow: their word is there already.
    """
    with runtime.db.write() as session:
        if not suppressions.add_by_hand(session, hashed, reason, utcnow()):
            raise NotNow(SUPPRESSED_ALREADY)
        acts.record(session, runtime.vault, actor, "suppression.add", subject=hashed, reason=reason)


def lift(runtime: Runtime, actor: Actor, hashed: str, reason: str) -> None:
    """Let an address hear again; what it subscribed to goes on.

    Raises:
        NotNow: it is not suppressed.
    """
    with runtime.db.write() as session:
        suppression = session.get(Suppression, hashed)
        if suppression is None:
            raise NotNow(NOT_SUPPRESSED)
        was = {"was": suppression.reason, "evidence": suppression.evidence}
        whose = session.scalar(select(Destination.id).where(Destination.address_hash == hashed))
        if not suppressions.lift(session, hashed, utcnow()):
            raise NotNow(NOT_SUPPRESSED)
        acts.record(
            session,
            runtime.vault,
            actor,
            "suppression.lift",
            whose,
            subject=hashed,
            reason=reason,
            **was,
        )
