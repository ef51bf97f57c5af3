"""What staff do with models: train, promote, roll back."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.admin.scope import require_no_scope
from service.crypto import Vault
from service.learning import runs, versions
from service.learning.examples import count_decided
from service.learning.training import LEAST
from service.ledger.refused import N_, Refused


def ask_for_training(session: Session, vault: Vault, actor: Actor, now: datetime) -> None:
    """Have a worker train; ring for it after the commit.

    Raises:
        OutOfScope: they decide about some topics only.
        Refused: there is too little to learn from.
    """
    require_no_scope(session, actor.staff_id)
    decided = count_decided(session)
    if decided < LEAST:
        text = N_("%(decided)s articles have decisions of the staff; training needs %(least)s")
        raise Refused(text, decided=decided, least=LEAST)
    runs.ask_for(session, now)
    acts.record(session, vault, actor, "model.train")


def promote(session: Session, vault: Vault, actor: Actor, model_id: int, now: datetime) -> None:
    """Use a model from now on, whatever its report says.

    Raises:
        OutOfScope: they decide about some topics only.
        Refused: it cannot be used.
    """
    require_no_scope(session, actor.staff_id)
    try:
        versions.promote(session, model_id, now)
    except versions.VersionError as error:
        raise Refused(str(error)) from error
    acts.record(session, vault, actor, "model.promote", model_id)


def roll_back(session: Session, vault: Vault, actor: Actor) -> int | None:
    """Use the model that was in use before; null: terms alone. Then staff alone promote.

    Raises:
        OutOfScope: they decide about some topics only.
        Refused: there is nothing to go back to.
    """
    require_no_scope(session, actor.staff_id)
    try:
        found = versions.roll_back(session)
    except versions.VersionError as error:
        raise Refused(str(error)) from error
    acts.record(session, vault, actor, "model.rollback", found)
    return found
