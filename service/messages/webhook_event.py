"""What a webhook says: the events that developers build on, version 1.

The models are the documentation: docs/integrate/webhook.schema.json is made of them. A field may be
added; none is renamed, dropped or given another meaning without a new version.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.messages.story import Story
from service.models import NotificationKind

VERSION = 1
MAX_HTML = 100_000  # characters of an article's body; a longer one is left to its page


class EventType(StrEnum):
    """What happened."""

    PUBLISHED = "article.published"
    CORRECTED = "article.corrected"
    WITHDRAWN = "article.withdrawn"
    TEST = "channel.test"


TYPES = {
    NotificationKind.NEW: EventType.PUBLISHED,
    NotificationKind.CORRECTION: EventType.CORRECTED,
    NotificationKind.WITHDRAWAL: EventType.WITHDRAWN,
}


class TopicOut(BaseModel):
    """A topic, by a name that stays and the names that people read, by language."""

    slug: str
    names: dict[str, str]


class PlaceOut(BaseModel):
    """A district."""

    slug: str
    name: str


class ArticleData(BaseModel):
    """The article as it is when the event is sent, which may be newer than the event.

    Of one that was withdrawn, what names it: text and topics are gone.
    """

    id: int = Field(description="The article's number with us; it stays through all its events.")
    revision: int = Field(description="The number of the text: another text, another number.")
    url: str = Field(description="The article's own address.")
    page: str = Field(description="Our page about it, with the words that set its topics.")
    title: str
    summary: str
    html: str | None = Field(
        description="The cleaned body; null where it was withdrawn, or is longer than "
        f"{MAX_HTML:,} characters."
    )
    language: str = Field(description="Of title, summary and body, as in `tr`.")
    published_at: datetime | None
    topics: list[TopicOut]
    places: list[PlaceOut] = Field(description="Empty: it is about no district in particular.")
    urgent: bool
    note: str = Field(description="What was corrected, or why it was withdrawn.")


class ArticleEvent(BaseModel):
    """An article was published, corrected or withdrawn."""

    model_config = ConfigDict(json_schema_extra={"additionalProperties": True})

    type: Literal[EventType.PUBLISHED, EventType.CORRECTED, EventType.WITHDRAWN]
    version: Literal[1]
    timestamp: datetime = Field(description="When it happened; the same at every try.")
    data: ArticleData


class TestData(BaseModel):
    """Nothing: it only shows that the way is open."""


class TestEvent(BaseModel):
    """Staff sent a test message. Answer 2xx."""

    type: Literal[EventType.TEST]
    version: Literal[1]
    timestamp: datetime
    data: TestData


def article_event(story: Story, at: datetime, base_url: str, *, urgent: bool) -> dict[str, Any]:
    """The event of a story. `at`: when it was released."""
    kind = NotificationKind(story.kind)
    is_gone = kind == NotificationKind.WITHDRAWAL
    is_short = len(story.body_html) <= MAX_HTML
    data = ArticleData(
        id=story.article_id,
        revision=story.revision_id,
        url=story.url,
        page=f"{base_url}/haber/{story.article_id}",
        title=story.title,
        summary="" if is_gone else story.summary,
        html=story.body_html if is_short and not is_gone else None,
        language=story.language,
        published_at=story.published_at,
        topics=[]
        if is_gone
        else [TopicOut(slug=one.slug, names={"tr": one.tr, "en": one.en}) for one in story.topics],
        places=[] if is_gone else [PlaceOut(slug=one.slug, name=one.tr) for one in story.places],
        urgent=urgent,
        note=story.note,
    )
    event = ArticleEvent(type=TYPES[kind], version=VERSION, timestamp=at, data=data)
    return event.model_dump(mode="json")


def test_event(at: datetime) -> dict[str, Any]:
    """The event of a test message."""
    event = TestEvent(type=EventType.TEST, version=VERSION, timestamp=at, data=TestData())
    return event.model_dump(mode="json")


def schemas() -> dict[str, Any]:
    """JSON Schema of a request's body, by what it tells."""
    return {
        model.__name__: model.model_json_schema(mode="serialization")
        for model in (ArticleEvent, TestEvent)
    }
