"""Bounces for programs: what came back, one by one and by domain. No address."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from service.admin.api.documented import described
from service.admin.api.entering import needs
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.powers import Power
from service.db import utcnow
from service.ledger import returns
from service.models import BounceVerdict
from service.pages import runtime

api = APIBlueprint("admin_bounces", __name__, url_prefix="/v1/admin/bounces", tag="People")


class BounceQuery(PageQuery):
    """Which ones."""

    domain: str = Field("", max_length=255)
    verdict: BounceVerdict | None = None


class BounceOut(BaseModel):
    """What came back of one letter, in the words of the other side."""

    id: int
    domain: str
    verdict: str
    status: str
    said: str
    at: datetime
    forgiven: bool


class DaysQuery(BaseModel):
    """Over how long."""

    days: int = Field(7, ge=1, le=90)


class DomainsOut(BaseModel):
    """How many came back of each domain, by verdict."""

    is_whole: bool = Field(description="False: of the newest 20,000 of this time alone.")
    domains: dict[str, dict[str, int]]


@api.get("")
@needs(Power.SEE)
@api.input(BounceQuery, location="query", arg_name="page")
@api.doc(**described("List bounces", Page[BounceOut]))
def list_bounces(page: BounceQuery) -> dict[str, Any]:
    """Newest first."""
    (before,) = key_of(page.after, int) or (None,)
    with runtime().db.read() as session:
        rows = returns.newest(
            session,
            page.limit + 1,
            domain=page.domain.lower(),
            verdict=page.verdict,
            before=before,
        )
    items = [
        BounceOut(
            id=one.id,
            domain=one.domain,
            verdict=one.verdict,
            status=one.status,
            said=one.detail,
            at=one.at,
            forgiven=one.forgiven_at is not None,
        )
        for one in rows[: page.limit]
    ]
    last = cursor(items[-1].id) if len(rows) > page.limit else None
    return Page[BounceOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/domains")
@needs(Power.SEE)
@api.input(DaysQuery, location="query", arg_name="time")
@api.doc(**described("Count bounces by domain", DomainsOut))
def domains(time: DaysQuery) -> dict[str, Any]:
    with runtime().db.read() as session:
        found = returns.by_domain(session, utcnow() - timedelta(days=time.days))
    shown = {name: dict(counts) for name, counts in found.counts.items()}
    return DomainsOut(is_whole=found.is_whole, domains=shown).model_dump(mode="json")
