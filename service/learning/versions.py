"""The models that were trained: one is in use at most, five are kept, one step leads back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session, defer

from service.classify.model import Model
from service.classify.store import ModelFileError, dump, load
from service.learning.runs import take_turn
from service.models import ModelState, ModelVersion

KEPT = 5


class VersionError(ValueError):
    """The version cannot be used; the text says why."""


def active_id(session: Session) -> int | None:
    """The version in use; null: terms alone."""
    return session.scalar(_in_use())


def trained_at(session: Session) -> datetime | None:
    """What was decided until then the version in use may have learned from."""
    return session.scalar(
        select(ModelVersion.trained_at).where(ModelVersion.state == ModelState.ACTIVE)
    )


def all_versions(session: Session) -> Sequence[ModelVersion]:
    """Newest first, without their content."""
    return session.scalars(
        select(ModelVersion).options(defer(ModelVersion.content)).order_by(ModelVersion.id.desc())
    ).all()


def keep(session: Session, model: Model, report: dict[str, Any], now: datetime) -> ModelVersion:
    """Store a model as a candidate. Of more than five the oldest are forgotten, not the one in use
    nor the one that was in use before it.
    """
    take_turn(session)
    row = ModelVersion(
        state=ModelState.CANDIDATE,
        content=dump(model),
        fingerprint=model.version,
        examples=model.facts.articles,
        report=report,
        trained_at=now,
    )
    session.add(row)
    session.flush()
    spared = [*session.scalars(_in_use()), *session.scalars(_before().limit(1))]
    others = session.scalars(
        select(ModelVersion.id)
        .where(ModelVersion.id.not_in(spared))
        .order_by(ModelVersion.id.desc())
        .offset(KEPT - len(spared))
    ).all()
    session.execute(
        delete(ModelVersion)
        .where(ModelVersion.id.in_(others))
        .execution_options(synchronize_session=False)
    )
    return row


def promote(session: Session, model_id: int, now: datetime) -> None:
    """Use a version from now on, by word of the staff; the one in use before is retired.

    Raises:
        VersionError: there is no such version, or it cannot be read.
    """
    learning = take_turn(session)
    row = session.get(ModelVersion, model_id)
    if row is None:
        raise VersionError(f"there is no model {model_id}")
    _check(row)
    _use(session, row, now)
    learning.is_held = False


def succeed(session: Session, row: ModelVersion, in_use: int | None, now: datetime) -> str:
    """Use what was just trained, unless staff decided otherwise; returns what was in the way.

    `in_use` is the version that it was compared with.
    """
    if take_turn(session).is_held:
        return "staff rolled back, and nothing is used since unless they promote it"
    if active_id(session) != in_use:
        return "another model was put to use while it was trained"
    _use(session, row, now)
    return ""


def roll_back(session: Session) -> int | None:
    """Use the version that was in use before; null: terms alone, as there was none.

    From then on nothing is put to use but by the staff: they know why they went back.

    Raises:
        VersionError: terms alone are in use already, or the one before cannot be read.
    """
    learning = take_turn(session)
    current = session.scalar(select(ModelVersion).where(ModelVersion.state == ModelState.ACTIVE))
    if current is None:
        raise VersionError("no model is in use; there is nothing to roll back")
    before_id = session.scalar(_before().limit(1))
    before = None if before_id is None else session.get_one(ModelVersion, before_id)
    if before is not None:
        _check(before)
    learning.is_held = True
    # A candidate again, so that a second step back does not lead forward to it.
    current.state, current.promoted_at = ModelState.CANDIDATE, None
    session.flush()
    if before is None:
        return None
    before.state = ModelState.ACTIVE
    session.flush()
    return before.id


def _in_use() -> Select[int]:
    return select(ModelVersion.id).where(ModelVersion.state == ModelState.ACTIVE)


def _before() -> Select[int]:
    """Those that were in use before, the latest first: a candidate was not, or was rolled back."""
    return (
        select(ModelVersion.id)
        .where(ModelVersion.state == ModelState.RETIRED)
        .order_by(ModelVersion.promoted_at.desc(), ModelVersion.id.desc())
    )


def _check(row: ModelVersion) -> None:
    """Refuse what no classification could read."""
    try:
        load(row.content)
    except ModelFileError as error:
        raise VersionError(f"model {row.id} cannot be read: {error}") from error


def _use(session: Session, row: ModelVersion, now: datetime) -> None:
    session.execute(
        update(ModelVersion)
        .where(ModelVersion.state == ModelState.ACTIVE)
        .values(state=ModelState.RETIRED)
    )
    row.state, row.promoted_at = ModelState.ACTIVE, now
    session.flush()
