"""Chat: a title and a short text with a link, cut cleanly to what every service takes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from service.messages.story import Story
from service.messages.wording import words

MAX_BODY = 1_500  # with its title below Discord's 2,000, the smallest limit of those we speak to
MAX_LABELS = 300
_MENTION = re.compile(r"@(?=(?:everyone|here|channel|all|room)\b)|(?<=<)[@!](?=[\w!&])")


@dataclass(frozen=True)
class ChatMessage:
    title: str
    body: str


def about(story: Story, language: str) -> ChatMessage:
    """Tell a channel an article: its lead, its topics, its address; never a person's data.

    The lead gives way where all of it would be too long; an address is never cut.
    """
    labels = " · ".join(
        part for part in (story.topic_names(language), story.place_names(language)) if part
    )
    end = "\n\n".join(part for part in (cut(labels, MAX_LABELS), story.url) if part)
    room = max(MAX_BODY - len(end) - len("\n\n"), 1)
    lead = cut(story.summary or story.body_text, room)
    body = "\n\n".join(part for part in (lead, end) if part)
    return ChatMessage(_without_mentions(story.title), _without_mentions(body))


def _without_mentions(text: str) -> str:
    """Keep a headline from ringing everybody in a room: `@everyone` gets a word joiner inside."""
    return _MENTION.sub("@\u2060", text)


def channel_test(language: str) -> ChatMessage:
    return ChatMessage(words(language)["test_title"], words(language)["test_body"])


def cut(text: str, limit: int) -> str:
    """Shorten at a word's end and say so with an ellipsis."""
    if len(text) <= limit:
        return text
    return text[:limit].rsplit(" ", 1)[0][: limit - 1].rstrip(" ,;:–-") + "…"
