"""Previews of channels for programs."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from service.admin.api.channels import found_channel
from service.admin.api.documented import described
from service.admin.api.entering import needs
from service.admin.powers import Power
from service.pages import runtime
from service.subscriptions.channel_preview import preview_for

api = APIBlueprint(
    "admin_channel_preview",
    __name__,
    url_prefix="/v1/admin/channels/<int:channel_id>",
    tag="Channels",
)
Kind = Literal["new", "correction", "withdrawal"]


class PreviewQuery(BaseModel):
    """What the message tells: the article, that it was corrected, or withdrawn."""

    kind: Kind = "new"


class PreviewOut(BaseModel):
    """A message as the channel would be sent it."""

    kind: Kind
    article: int | None = Field(description="Null: there is none yet, and this one is made up.")
    language: str
    form: str = Field(description="How the service wants it written, as in `html`.")
    text: str = Field(description="What is sent; of a webhook the event, as indented JSON.")
    reading: str = Field(description="What people see of it: without the tags of HTML.")
    size: int = Field(description="In `unit`, as the service counts.")
    longest: int | None = Field(description="The limit; null of a webhook.")
    unit: str
    problem: str | None = Field(
        description="What is wrong with the operator's template: the program's own is used."
    )


@api.get("/preview")
@needs(Power.SEE)
@api.input(PreviewQuery, location="query", arg_name="wanted")
@api.doc(**described("Preview what a channel is sent", PreviewOut, 404))
def show(channel_id: int, wanted: PreviewQuery) -> dict[str, Any]:
    """The newest article that was released. Nothing is sent."""
    held = runtime()
    with held.db.read() as session:
        channel = found_channel(session, channel_id)
        found = preview_for(session, held.settings, channel, wanted.kind)
    return PreviewOut(
        kind=wanted.kind,
        article=found.article_id,
        language=found.language,
        form=found.form,
        text=found.text,
        reading=found.reading,
        size=found.size,
        longest=found.longest,
        unit=found.unit,
        problem=found.problem or None,
    ).model_dump(mode="json")
