"""Mail domains for programs: how lanes and domains take the city's mail, and the DNS records."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from service.admin.api.documented import described
from service.admin.api.entering import needs
from service.admin.domains import CHECKS, findings
from service.admin.powers import Power
from service.db import utcnow
from service.ledger import domains
from service.models import DeliveryState
from service.pages import runtime
from service.problems import Problem

api = APIBlueprint("admin_domains", __name__, url_prefix="/v1/admin/domains", tag="Mail domains")


class LaneHealthOut(BaseModel):
    """How a lane took our mail in the last 24 hours."""

    lane: str
    sent: int
    deferred: int
    rejected: int
    unknown: int
    p95_s: float | None = Field(description="95 of 100 letters were sent within so many seconds.")
    returned: int
    complaints: int
    links: int | None
    closed_until: datetime | None
    is_stopped: bool


class DomainHealthOut(BaseModel):
    """What came back of a recipient's domain, by verdict."""

    domain: str
    verdicts: dict[str, int]
    closed_until: datetime | None


class HealthOut(BaseModel):
    """Lanes, and the domains with most trouble."""

    lanes: list[LaneHealthOut]
    domains: list[DomainHealthOut]


class FindingOut(BaseModel):
    """One of the city's own records."""

    check: str
    level: str
    says: str
    mend: str


class FindingsOut(BaseModel):
    """Empty where no address is set that mail comes from."""

    findings: list[FindingOut]


@api.get("")
@needs(Power.SEE)
@api.doc(**described("Read the health of mail", HealthOut))
def show() -> dict[str, Any]:
    now = utcnow()
    with runtime().db.read() as session:
        lanes, troubled = domains.lanes(session, now), domains.domains(session, now)
    return HealthOut(
        lanes=[
            LaneHealthOut(
                lane=one.name,
                sent=one.counts[DeliveryState.SENT],
                deferred=one.counts[DeliveryState.DEFERRED],
                rejected=one.counts[DeliveryState.REJECTED],
                unknown=one.counts[DeliveryState.UNKNOWN],
                p95_s=one.p95_s,
                returned=one.returned,
                complaints=one.complaints,
                links=one.links,
                closed_until=one.closed_until,
                is_stopped=one.is_stopped,
            )
            for one in lanes
        ],
        domains=[
            DomainHealthOut(
                domain=one.name,
                verdicts={verdict.value: count for verdict, count in one.verdicts.items()},
                closed_until=one.closed_until,
            )
            for one in troubled
        ],
    ).model_dump(mode="json")


@api.post("/check")
@needs(Power.SEE)
@api.doc(**described("Ask the DNS for SPF, DKIM and DMARC", FindingsOut))
def check() -> dict[str, Any]:
    """It takes up to a quarter of a minute, and changes nothing."""
    if not runtime().limits.allow(CHECKS, "domain-check"):
        raise Problem(429, "Too Many Requests", "The DNS was asked a moment ago; wait a minute.")
    found = [
        FindingOut(check=one.check, level=one.level.value, says=one.says, mend=one.mend)
        for one in findings()
    ]
    return FindingsOut(findings=found).model_dump(mode="json")
