"""What staff do with letters, notices, jobs and the log of acts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from service.db import utcnow
from service.jobs import queue
from service.messages import publishing
from service.models import Job, Staff
from service.runtime import Runtime
from tests.integration.admin.examples import Example

NAME = "why.txt"
TEXT = "Bunu {{ date }} günü istediniz: {{ topic }}.\n"
NOTICE = {"tr": "Rıza veriyorum.", "en": "I give my consent."}
WHY = {"reason": "Daha kısa"}


def staff_id(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.scalars(
            select(Staff.id).where(Staff.email == "administrator@tellal.example")
        ).one()


def draft(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        row = publishing.keep_draft(session, NAME, staff_id(runtime), TEXT, utcnow())
    return {"draft_id": row.id}


def publish(runtime: Runtime, text: str = TEXT) -> int:
    with runtime.db.write() as session:
        made = publishing.publish(
            session,
            runtime.settings,
            runtime.vault,
            NAME,
            text,
            base=None,
            reason="Deneme",
            staff_id=staff_id(runtime),
            now=utcnow(),
        )
    return made.id


def older(runtime: Runtime) -> dict[str, Any]:
    """A version that another one has replaced."""
    first = publish(runtime)
    publish(runtime, "{{ date }}: {{ topic }}, {{ place }}\n")
    return {"version_id": first}


def published(runtime: Runtime) -> dict[str, Any]:
    publish(runtime)
    return {"name": NAME}


def job(runtime: Runtime) -> dict[str, Any]:
    with runtime.db.write() as session:
        return {"job_id": queue.start(session, "counting", staff_id(runtime)).id}


def cancelled(runtime: Runtime) -> dict[str, Any]:
    values = job(runtime)
    with runtime.db.write() as session:
        queue.cancel(session, values["job_id"], utcnow())
        assert session.get_one(Job, values["job_id"]).ended_at
    return values


def named(_runtime: Runtime) -> dict[str, Any]:
    return {"name": NAME}


def consent(_runtime: Runtime) -> dict[str, Any]:
    return {"kind": "consent"}


ANY = {"If-Match": "*"}
EXAMPLES = {
    "mail_templates.save": Example("template.draft", {"text": TEXT}, named),
    "mail_templates.discard": Example("template.discard", prepare=draft),
    "mail_templates.publish": Example("template.publish", WHY, draft),
    "mail_templates.restore": Example("template.publish", WHY, older),
    "mail_templates.reset": Example("template.publish", WHY, published),
    "admin_mail_templates.check": Example("", {"text": TEXT}, named),
    "admin_mail_templates.publish": Example("template.publish", {"text": TEXT, **WHY}, named, ANY),
    "admin_mail_templates.restore": Example(
        "template.publish", {"version": None, **WHY}, published, ANY
    ),
    "notices.compare": Example("", NOTICE, consent),
    "notices.publish": Example("notice.publish", {**NOTICE, "confirmation": "YAYIMLA"}, consent),
    "admin_notices.publish": Example("notice.publish", {"kind": "consent", **NOTICE}),
    "jobs.cancel": Example("job.cancel", prepare=job),
    "jobs.resume": Example("job.resume", prepare=cancelled),
    "admin_jobs.cancel": Example("job.cancel", prepare=job),
    "admin_jobs.resume": Example("job.resume", prepare=cancelled),
    "audit_log.by_address": Example("audit.search", {"address": "ayse@example.com"}),
}
READS: dict[str, tuple[dict[str, Any], ...]] = {
    "audit_log.index": (
        {},
        {"staff": "1"},
        {"act": "article.hold"},
        {"act": "article.hold", "object": "7"},
        {"object": "7"},
        {"since": "2026-01-01", "until": "2026-02-01"},
        {"subject": "0" * 64},
    ),
    "mail_templates.show": ({"name": NAME},),
    "mail_templates.draft": ({"draft_id": "{letter_draft_id}"},),
    "mail_templates.html": ({"draft_id": "{letter_draft_id}"},),
    "admin_mail_templates.show": ({"name": NAME},),
    "admin_mail_templates.versions": ({"name": NAME},),
    "notices.new": ({"kind": "consent"},),
    "jobs.file": ({"name": "rows.csv"},),
    "admin_jobs.file": ({"name": "rows.csv"},),
}
