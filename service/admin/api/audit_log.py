"""The log of acts for programs: pages with the mac of each entry, to prove the chain elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import AwareDatetime, BaseModel, Field

from service import acts
from service.admin.acts_found import Wanted, as_json, newest
from service.admin.api.documented import described
from service.admin.api.entering import needs
from service.admin.api.paging import Page, PageQuery, cursor, key_of, next_page
from service.admin.audit_log import JUDGED
from service.admin.powers import Power
from service.pages import runtime

api = APIBlueprint("admin_audit_log", __name__, url_prefix="/v1/admin/audit", tag="Log of acts")


class ActsQuery(PageQuery):
    """Which acts."""

    staff_id: int | None = Field(None, ge=1, lt=2**63)
    act: str = Field("", max_length=64)
    object_id: int | None = Field(None, ge=0, lt=2**63)
    since: AwareDatetime | None = Field(None, description="Included.")
    until: AwareDatetime | None = Field(None, description="Not included.")


class ActOut(BaseModel):
    """One entry; `mac` is of it and of all before it."""

    number: int | None
    at: datetime
    staff_id: int | None
    via: str
    act: str
    object_id: int | None
    detail: dict[str, Any]
    request_id: str
    subject: str = Field(description="The keyed hash of the address that it was about.")
    mac: str


class ChainOut(BaseModel):
    """Whether the end of the chain is whole."""

    length: int
    judged: int = Field(description="Entries at the end; `tellal audit --log` judges all.")
    breaks: list[str]


@api.get("")
@needs(Power.AUDIT)
@api.input(ActsQuery, location="query", arg_name="page")
@api.doc(**described("List acts", Page[ActOut]))
def list_acts(page: ActsQuery) -> dict[str, Any]:
    """Newest first."""
    (before,) = key_of(page.after, int) or (None,)
    wanted = Wanted(page.staff_id, page.act, page.object_id, "", page.since, page.until)
    with runtime().db.read() as session:
        rows = newest(session, wanted, before, page.limit + 1)
    shown = rows[: page.limit]
    last = cursor(shown[-1].id) if len(rows) > page.limit else None
    items = [ActOut(**as_json(row)) for row in shown]
    return Page[ActOut](items=items, next=next_page(last)).model_dump(mode="json")


@api.get("/chain")
@needs(Power.AUDIT)
@api.doc(**described("Judge the end of the chain", ChainOut))
def chain() -> dict[str, Any]:
    with runtime().db.read() as session:
        length = acts.length(session)
        start = max(length - JUDGED, 0)
        breaks = [str(one) for one in acts.broken_links(session, runtime().vault, start)]
    return {"length": length, "judged": length - start, "breaks": breaks}
