"""What programs see of a source, its pull and its events. No secret is among it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from service.admin.api.versions import etag_of
from service.ingest.credentials import badges
from service.ingest.managing.events import Activity, activity
from service.ingest.managing.fields import SourceError
from service.models import InboxEvent, Pull, Source
from service.pages import runtime
from service.problems import Problem


class SourceOut(BaseModel):
    """One CMS that may post articles."""

    id: int
    slug: str
    door: str = Field(description="Where it posts to.")
    preset: str
    scheme: str = Field(description="How it proves itself.")
    badges: list[str] = Field(description="What that proof is worth.")
    identifier: str
    base_url: str
    api_url: str
    has_api_token: bool
    timezone: str
    rate_per_minute: int
    hold_s: int = Field(description="Seconds that a new article waits.")
    hosts: list[str]
    may_send_urgent: bool
    is_paused: bool
    last_matched: str = Field(description="`current`, `previous`, or empty: no request yet.")
    previous_until: datetime | None = Field(description="Until when the secret before is taken.")
    created_at: datetime


class PullOut(BaseModel):
    """How the source's own listing is read."""

    kind: str
    url: str
    rules: dict[str, Any]
    state: str
    reason: str
    polled_at: datetime | None
    due_at: datetime
    found: int
    missed: int = Field(description="New articles that it had not pushed.")
    alarm: str | None


class ActivityOut(BaseModel):
    """What came of it. `day`: requests of the last day by verdict, at most 10,000 of each."""

    last_at: datetime | None
    day: dict[str, int]
    pull: PullOut | None


class CredentialOut(BaseModel):
    """A source and its secret, which is shown only now; null where the CMS made it."""

    source: SourceOut
    secret: str | None


class EventOut(BaseModel):
    """One request of a CMS, and the answer that it got."""

    id: int
    received_at: datetime
    verdict: str
    reason: str
    request_id: str
    delivery_key: str
    article_id: int | None
    attempts: int
    has_body: bool
    headers: dict[str, str]


class SourceIn(BaseModel):
    """What a source can be told. Null: the default, or as it was."""

    model_config = ConfigDict(extra="forbid")

    hold_s: int | None = None
    rate_per_minute: int | None = None
    hosts: list[str] | None = Field(None, max_length=100)
    base_url: str | None = Field(None, max_length=500)
    api_url: str | None = Field(None, max_length=500)
    timezone: str | None = Field(None, max_length=64)
    identifier: str | None = Field(None, max_length=255)
    may_send_urgent: bool | None = None
    is_paused: bool | None = None
    api_token: str | None = Field(None, max_length=4000, description="Never shown again.")


class NewSource(SourceIn):
    """A new source. `secret`: what the CMS made; null: a new one, which the answer shows once."""

    slug: str = Field(max_length=100)
    preset: str = Field(max_length=64)
    scheme: str | None = Field(None, max_length=32)
    secret: str | None = Field(None, max_length=1000)


def shown(source: Source) -> SourceOut:
    """A source as programs see it, which is also its version on the page."""
    plain = {
        name: getattr(source, name)
        for name in SourceOut.model_fields.keys() - {"door", "badges", "has_api_token"}
    }
    return SourceOut(
        **plain,
        door=door_of(source),
        badges=list(badges(source)),
        has_api_token=source.sealed_token is not None,
    )


def version_of(source: Source) -> str:
    """What changes with every setting and with every rotation of the secret."""
    return etag_of(shown(source).model_dump(mode="json"))


def door_of(source: Source) -> str:
    """The address that a source posts to."""
    return f"{runtime().settings.public_url}/v1/sources/{source.slug}/articles"


def activity_shown(session: Session, source_id: int, now: datetime) -> ActivityOut:
    """The newest event, the counts of a day, the pull."""
    found: Activity = activity(session, source_id, now)
    counts = {str(verdict): number for verdict, number in found.counts.items()}
    pull = pull_shown(found.pull) if found.pull is not None else None
    return ActivityOut(last_at=found.last_at, day=counts, pull=pull)


def pull_shown(row: Pull) -> PullOut:
    return PullOut(
        alarm=row.alarm_text,
        **{name: getattr(row, name) for name in PullOut.model_fields.keys() - {"alarm"}},
    )


def event_shown(row: InboxEvent) -> EventOut:
    plain = EventOut.model_fields.keys() - {"has_body", "headers"}
    return EventOut(
        **{name: getattr(row, name) for name in plain},
        has_body=row.sealed_body is not None,
        headers=row.headers or {},
    )


def refused(error: SourceError) -> Problem:
    """Each field that is to be mended, by name."""
    errors = [{"field": one.field, "message": str(one)} for one in error.wrong]
    return Problem(422, "Unprocessable Content", str(error), errors=errors)
