"""Versions of topics and districts on pages: who published what and why, and what it changed."""

from __future__ import annotations

from flask import abort, render_template
from sqlalchemy import BigInteger, literal, select
from sqlalchemy.orm import Session

from service.admin.access import has_power
from service.admin.powers import Power
from service.models import Staff, Taxonomy, TaxonomyVersion
from service.pages import runtime
from service.taxonomy.versions import differences, newest, version

PAGE_SIZE = 50


def version_lines(
    session: Session, kind: Taxonomy, before: int | None
) -> tuple[list[tuple[TaxonomyVersion, str]], int | None]:
    """A page of versions, newest first, each with who published it."""
    query = (
        select(TaxonomyVersion, Staff.email)
        .outerjoin(Staff, Staff.id == TaxonomyVersion.staff_id)
        .where(TaxonomyVersion.kind == kind)
        .order_by(TaxonomyVersion.number.desc())
        .limit(PAGE_SIZE + 1)
    )
    if before is not None:
        query = query.where(TaxonomyVersion.number < literal(before, BigInteger))
    found = [(row, (email or "").partition("@")[0]) for row, email in session.execute(query)]
    shown = found[:PAGE_SIZE]
    return shown, shown[-1][0].number if len(found) > PAGE_SIZE else None


def version_page(
    kind: Taxonomy, number: int, part: str, errors: dict[str, str] | None = None
) -> str:
    """One version: what it changed, and the way back to it."""
    with runtime().db.read() as session:
        row = version(session, kind, number) or abort(404)
        before = version(session, kind, number - 1)
        who = session.get(Staff, row.staff_id) if row.staff_id else None
        return render_template(
            "staff/version.html",
            row=row,
            who=who.email.partition("@")[0] if who else "",
            found=differences(before.content, row.content) if before else [],
            number=newest(session, kind),
            part=part,
            may_change=has_power(Power.TOPICS),
            errors=errors or {},
        )
