"""What goes on at this moment, for programs: stages, queues, lanes, troubles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from service.admin.api.documented import described
from service.admin.api.entering import needs
from service.admin.powers import Power
from service.admin.today import look
from service.pages import runtime

api = APIBlueprint("admin_today", __name__, url_prefix="/v1/admin/today", tag="Today")


class StageOut(BaseModel):
    """A stage of the pipeline."""

    stage: str
    count: int = Field(description="Articles that wait; counted to 1,000.")
    is_more: bool
    since: datetime | None = Field(description="Since when the oldest waits.")
    tone: str = Field(description="`good`, `warn` or `bad`: whether that is too long.")


class QueueOut(BaseModel):
    """A queue of the broker."""

    queue: str
    length: int | None = Field(description="Tasks that wait; null while the broker is away.")
    rung_at: datetime | None


class LaneOut(BaseModel):
    """Open batches of a lane."""

    kind: str
    lane: str
    open: int
    in_hand: int
    held: int


class ClosedOut(BaseModel):
    """A provider or domain that gets nothing for now."""

    name: str
    until: datetime | None
    reason: str


class CanaryOut(BaseModel):
    """A synthetic subscriber of the city's own, which proves that news arrives."""

    kind: str = Field(description="`email`, `chat` or `feed`.")
    proved_at: datetime | None = Field(description="When it last proved that an article arrived.")
    missed: int = Field(description="Articles of the last day that it did not hear of.")
    waits_since: datetime | None = Field(
        description="When the oldest article was released that it has not heard of yet."
    )


class TodayOut(BaseModel):
    """The pipeline as it is now."""

    at: datetime
    is_well: bool
    stages: list[StageOut]
    queues: list[QueueOut]
    lanes: list[LaneOut]
    closed: list[ClosedOut]
    paused_channels: dict[int, str] = Field(description="Reasons by the channels' numbers.")
    troubled_sources: list[str]
    jobs: list[int]
    alarms: list[int]
    given_up: dict[str, int]
    canaries: list[CanaryOut]


@api.get("")
@needs(Power.SEE)
@api.doc(**described("Read the pipeline as it is now", TodayOut))
def show() -> dict[str, Any]:
    """Everything is counted to a limit, and nothing in the ledger."""
    lengths = runtime().doorbell.lengths()
    with runtime().db.read() as session:
        seen = look(session, lengths)
    return told(seen).model_dump(mode="json")


def told(seen: dict[str, Any]) -> TodayOut:
    """What was looked up, as the API says it."""
    return TodayOut(
        at=seen["now"],
        is_well=seen["is_well"],
        stages=[StageOut(**one.__dict__) for one in seen["stages"]],
        queues=[QueueOut(**one.__dict__) for one in seen["queues"]],
        lanes=[
            LaneOut(kind=one.kind, lane=one.lane, open=one.count, in_hand=one.taken, held=one.held)
            for one in seen["lanes"]
        ],
        closed=[
            ClosedOut(name=one.name, until=one.closed_until, reason=one.reason)
            for one in seen["closed"]
        ],
        paused_channels={number: reason for number, _, reason in seen["paused_channels"]},
        troubled_sources=[source.slug for source, _ in seen["sources"]],
        jobs=[job.id for job in seen["jobs"]],
        alarms=[alarm.id for alarm in seen["alarms"]],
        given_up={kind.value: count for kind, count in seen["given"].items()},
        canaries=[
            CanaryOut(
                kind=one.kind,
                proved_at=one.proved_at,
                missed=one.missed,
                waits_since=one.waits_since,
            )
            for one in seen["canaries"]
        ],
    )
