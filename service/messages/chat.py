"""Chat: a title and a short text with a link, cut cleanly to what every service takes."""

from __future__ import annotations

from dataclasses import dataclass

from service.messages.story import Story
from service.messages.wording import words

MAX_BODY = 1_500  # the smallest limit among the services we speak to is Discord's 2,000


@dataclass(frozen=True)
class ChatMessage:
    title: str
    body: str


def about(story: Story, language: str) -> ChatMessage:
    """Tell a channel an article: its lead, its topics, its address; never a person's data."""
    lead = cut(story.summary or story.body_text, MAX_BODY)
    labels = " · ".join(
        part for part in (story.topic_names(language), story.place_names(language)) if part
    )
    return ChatMessage(story.title, "\n\n".join(part for part in (lead, labels, story.url) if part))


def channel_test(language: str) -> ChatMessage:
    return ChatMessage(words(language)["test_title"], words(language)["test_body"])


def cut(text: str, limit: int) -> str:
    """Shorten at a word's end and say so with an ellipsis."""
    if len(text) <= limit:
        return text
    return text[: limit - 1].rsplit(" ", 1)[0].rstrip(" ,;:–-") + "…"
