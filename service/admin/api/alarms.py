"""Alarms for programs: live ones, and clearing one for a reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from service.admin.api.documented import described
from service.admin.api.entering import needs, record
from service.admin.api.paging import Page
from service.admin.powers import Power
from service.db import utcnow
from service.ledger.alarms import HOW_TO_MEND, clear_by_id, live_alarms
from service.models import Alarm
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint("admin_alarms", __name__, url_prefix="/v1/admin/alarms", tag="Alarms")


class AlarmOut(BaseModel):
    """Something that went wrong for good, or keeps going wrong."""

    id: int
    kind: str
    object_id: int
    text: str
    how_to_mend: str
    raised_at: datetime
    cleared_at: datetime | None


class ReasonIn(BaseModel):
    """Why it is done."""

    reason: str = Field(min_length=1, max_length=200)


@api.get("")
@needs(Power.SEE)
@api.doc(**described("List live alarms", Page[AlarmOut]))
def list_alarms() -> dict[str, Any]:
    """The oldest first. Of a kind and object at most one is live."""
    with runtime().db.read() as session:
        items = [_shown(one) for one in live_alarms(session)]
    return Page[AlarmOut](items=items).model_dump(mode="json")


@api.post("/<int:alarm_id>/clear")
@needs(Power.SEND)
@api.input(ReasonIn, arg_name="wanted")
@api.doc(**described("Clear an alarm", AlarmOut, 404, 409))
def clear(alarm_id: int, wanted: ReasonIn) -> dict[str, Any]:
    """What goes wrong again raises a new one."""
    with runtime().db.write() as session:
        _found(session, alarm_id)
        if not clear_by_id(session, alarm_id, utcnow()):
            raise Problem(409, "Conflict", f"Alarm {alarm_id} is not live any more.")
        record(session, "alarm.clear", alarm_id, reason=wanted.reason)
        session.expire_all()
        return _shown(_found(session, alarm_id)).model_dump(mode="json")


def _found(session: Session, alarm_id: int) -> Alarm:
    alarm = session.get(Alarm, alarm_id) if alarm_id < 2**63 else None
    if alarm is None:
        raise Problem(404, "Not Found", f"There is no alarm {alarm_id}.")
    return alarm


def _shown(alarm: Alarm) -> AlarmOut:
    return AlarmOut(
        id=alarm.id,
        kind=alarm.kind,
        object_id=alarm.object_id,
        text=alarm.text,
        how_to_mend=HOW_TO_MEND[alarm.kind],
        raised_at=alarm.raised_at,
        cleared_at=alarm.cleared_at,
    )
