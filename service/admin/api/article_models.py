"""What programs send and get about articles."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from service.admin.api.paging import PageQuery


class ArticleQuery(PageQuery):
    """Which articles; what is left out does not matter."""

    stage: str = Field(
        "",
        max_length=16,
        description="received, review, held, planning, sending, quarantined or withdrawn.",
    )
    source: str = Field("", max_length=64)
    topic: str = Field("", max_length=64)
    urgent: bool = False
    text: str = Field("", max_length=200, description="Words in public articles.")


class ArticleOut(BaseModel):
    """One article, as its page shows it."""

    id: int
    title: str
    state: str
    withheld: bool = Field(description="Staff withdrew it, whatever its CMS sends.")
    urgent: bool
    commercial: bool
    published_at: datetime | None
    received_at: datetime
    revision: int | None = Field(description="Its newest text.")
    notifications: list[dict[str, Any]]
    counts: dict[str, int] = Field(description="Deliveries by outcome.")
    counted_at: datetime | None = Field(
        description="When they were counted, while it is still being sent; null: just now."
    )


class LineOut(BaseModel):
    """One article of the list."""

    id: int
    title: str
    state: str
    urgent: bool
    received_at: datetime
    topics: list[str]
    counts: dict[str, int]


class DoneOut(BaseModel):
    """What became of an act, and the job that goes on with it."""

    done: str
    job: int | None
    article: ArticleOut


class CountIn(BaseModel):
    """What if: labels that it would have too."""

    topics: list[int] = Field([], max_length=50)
    places: list[int] = Field([], max_length=50)
    breaks: bool = Field(False, description="As if it were approved as urgent.")


class JobOut(BaseModel):
    """The job that was started; its result holds the figures."""

    job: int


class MissingOut(BaseModel):
    """Who may be told now and was not, by what became of them."""

    rejected: int = 0
    cancelled: int = 0
    suppressed: int = 0
    unplanned: int = 0
    unknown: int = Field(0, description="They may have got it: left alone unless asked for.")


class WhoIn(BaseModel):
    """One exact address. It is noted as a keyed hash alone."""

    email: str = Field(max_length=400)


class WhoOut(BaseModel):
    """What the ledger knows of one address and one article."""

    deliveries: list[dict[str, Any]]
    reasons: list[str] = Field(description="Why nothing, or nothing more, was sent.")
