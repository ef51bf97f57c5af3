"""Channels as programs read and write them."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from service.models import Frequency


class ChannelOut(BaseModel):
    """A public chat room or webhook of the city."""

    id: int
    name: str
    address: str = Field(description="Masked: the stored address is never shown.")
    public_url: str
    language: str
    topics: list[str] | None = Field(description="Slugs; null for all topics.")
    places: list[str] | None = Field(description="Slugs; null for the whole city.")
    frequency: str = Field(description="`instant`, `daily` or `weekly`.")
    urgent_only: bool
    local_only: bool = Field(description="Without what concerns the whole city.")
    quiet_from: str = Field(description="`22:00` of the city's clock; empty for none.")
    quiet_until: str
    next_address: str | None = Field(description="Masked: it waits for its test, or to be used.")
    paused: str | None = Field(description="Why it is paused; null where it is not.")
    paused_itself_at: datetime | None = Field(description="Null where staff paused it.")
    created_at: datetime


class TestOut(BaseModel):
    """The newest test message. `took_s`: from the asking to the answer, in seconds."""

    at: datetime
    state: str = Field(description="`queued` until there is an answer.")
    code: str | None
    answer: str | None
    said: str | None = Field(description="The service's own words, cut, without secrets.")
    message_id: str | None = Field(description="By which the service knows the message.")
    took_s: float | None
    answered_in_s: float | None = Field(description="From our request to the service's answer.")


class PauseIn(BaseModel):
    """Why nothing more is sent there."""

    reason: str = Field(min_length=1, max_length=200)


class ChannelIn(BaseModel):
    """A new channel. No topics: all of them; no places: the whole city."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    url: str = Field(description="An Apprise URL: stored encrypted, never shown.", max_length=2000)
    topics: list[str] = Field([], max_length=200)
    places: list[str] = Field([], max_length=200)
    public_url: str = Field("", max_length=500)
    language: str = Field("", max_length=8, description="Empty: the city's first.")
    frequency: Frequency = Frequency.INSTANT
    urgent_only: bool = False
    local_only: bool = Field(False, description="Without what concerns the whole city.")
    quiet_from: str = Field("", max_length=5, description="`22:00`; both empty: no quiet hours.")
    quiet_until: str = Field("", max_length=5)


class ChannelChange(BaseModel):
    """What is not given stays as it is. Empty lists: all topics, the whole city."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, min_length=1, max_length=100)
    url: str | None = Field(None, max_length=2000)
    topics: list[str] | None = Field(None, max_length=200)
    places: list[str] | None = Field(None, max_length=200)
    public_url: str | None = Field(None, max_length=500)
    language: str | None = Field(None, max_length=8)
    frequency: Frequency | None = None
    urgent_only: bool | None = None
    local_only: bool | None = None
    quiet_from: str | None = Field(None, max_length=5)
    quiet_until: str | None = Field(None, max_length=5)


class RemoveIn(BaseModel):
    """Its name once more, so that nobody removes another one by mistake."""

    confirmed: str = Field(max_length=100)
    reason: str = Field(min_length=1, max_length=200)


class AddressIn(BaseModel):
    """Another address for a channel."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="An Apprise URL: stored encrypted, never shown.", max_length=2000)
