"""Notice texts for programs: read and publish versions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from pydantic import AwareDatetime, BaseModel, Field

from service.admin.api.documented import described
from service.admin.api.entering import me, needs, record
from service.admin.powers import Power
from service.db import utcnow
from service.models import NoticeKind, NoticeText
from service.pages import runtime
from service.problems import Problem
from service.subscriptions import notices
from service.subscriptions.notices import MAX_NOTICE, NoticeError

api = APIBlueprint("admin_notices", __name__, url_prefix="/v1/admin/notices", tag="Notices")


class NoticeOut(BaseModel):
    """One version of a text in one language."""

    id: int
    kind: str
    language: str
    version: int
    text_hash: str = Field(description="What consents know it by.")
    shown_from: datetime
    published_by: int | None = Field(description="Null: it came with the software.")
    text: str | None = None


class NoticesOut(BaseModel):
    """Versions, the newest of each text first."""

    items: list[NoticeOut]


class NoticeIn(BaseModel):
    """The texts of a new version; a language that is left out keeps its own."""

    kind: NoticeKind
    tr: str | None = Field(None, max_length=MAX_NOTICE)
    en: str | None = Field(None, max_length=MAX_NOTICE)
    shown_from: AwareDatetime | None = Field(None, description="Null: at once.")


@api.get("")
@needs(Power.SEE)
@api.doc(**described("List notice texts", NoticesOut))
def list_notices() -> dict[str, Any]:
    with runtime().db.read() as session:
        items = [_shown(row) for row in notices.versions(session)]
    return NoticesOut(items=items).model_dump(mode="json")


@api.get("/<int:notice_id>")
@needs(Power.SEE)
@api.doc(**described("Read a version", NoticeOut, 404))
def show(notice_id: int) -> dict[str, Any]:
    with runtime().db.read() as session:
        row = session.get(NoticeText, notice_id)
    if row is None:
        raise Problem(404, "Not Found", f"There is no version {notice_id}.")
    return {**_shown(row).model_dump(mode="json"), "text": row.text}


@api.post("")
@needs(Power.PEOPLE)
@api.input(NoticeIn, arg_name="wanted")
@api.doc(**described("Publish a version", NoticesOut, 409))
def publish(wanted: NoticeIn) -> dict[str, Any]:
    """In one or both languages for one moment; older versions stay as proof."""
    texts = {one: text for one in notices.LANGUAGES if (text := getattr(wanted, one)) is not None}
    try:
        with runtime().db.write() as session:
            made = notices.publish_all(
                session, wanted.kind, texts, me().staff_id, wanted.shown_from, utcnow()
            )
            record(session, "notice.publish", made[0].id, **notices.told(made))
    except NoticeError as error:
        raise Problem(409, "Conflict", str(error)) from error
    return NoticesOut(items=[_shown(row) for row in made]).model_dump(mode="json")


def _shown(row: NoticeText) -> NoticeOut:
    return NoticeOut(
        id=row.id,
        kind=str(row.kind),
        language=row.language,
        version=row.version,
        text_hash=row.text_hash,
        shown_from=row.published_at,
        published_by=row.published_by,
    )
