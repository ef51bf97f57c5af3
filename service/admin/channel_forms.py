"""What the form of a channel says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session
from werkzeug.datastructures import MultiDict

from service.models import Channel, Frequency
from service.subscriptions import channels
from service.subscriptions.channels import ChannelError
from service.subscriptions.chat_urls import N_

ALL, YES = "all", "yes"


@dataclass(frozen=True)
class Answers:
    """The form as it was filled in. `version`: of the channel that was shown."""

    name: str = ""
    url: str = ""
    public_url: str = ""
    language: str = ""
    topics: tuple[str, ...] = ()
    places: tuple[str, ...] = (ALL,)
    frequency: str = Frequency.INSTANT.value
    urgent_only: bool = False
    local_only: bool = False
    quiet_from: str = ""
    quiet_until: str = ""
    version: str = ""


def answers_of(form: MultiDict[str, str]) -> Answers:
    """What was sent."""
    return Answers(
        name=form.get("name", ""),
        url=form.get("url", ""),
        public_url=form.get("public_url", ""),
        language=form.get("language", ""),
        topics=tuple(form.getlist("topics")),
        places=tuple(form.getlist("places")),
        frequency=form.get("frequency", Frequency.INSTANT.value),
        urgent_only=form.get("urgent_only") == YES,
        local_only=form.get("local_only") == YES,
        quiet_from=form.get("quiet_from", ""),
        quiet_until=form.get("quiet_until", ""),
        version=form.get("version", ""),
    )


def stored_answers(session: Session, channel: Channel, version: str) -> Answers:
    """What the form says of a channel before anything is changed; its URL is not in it."""
    topics, places = channels.choices_of(session, channel.id)
    return Answers(
        name=channel.name,
        public_url=channel.public_url,
        **channels.options_of_channel(session, channel.id).as_json(),
        topics=(ALL,) if topics is None else tuple(topic.slug for topic in topics),
        places=(ALL,) if places is None else tuple(place.slug for place in places),
        version=version,
    )


def given(answers: Answers, *, is_new: bool) -> dict[str, Any]:
    """For `channel_acts`: no district is the whole city, but no topic is a mistake. A channel that
    exists is given another address on a page of its own.

    Raises:
        ChannelError: no topic.
    """
    if not answers.topics:
        raise ChannelError(N_("Select at least one topic"), "topics")
    values: dict[str, Any] = {
        "name": answers.name,
        "public_url": answers.public_url,
        "language": answers.language,
        "frequency": answers.frequency,
        "urgent_only": answers.urgent_only,
        "local_only": answers.local_only,
        "quiet_from": answers.quiet_from,
        "quiet_until": answers.quiet_until,
        "topics": [] if ALL in answers.topics else list(answers.topics),
        "places": [] if ALL in answers.places else list(answers.places),
    }
    if is_new:
        values["url"] = answers.url
    return values
