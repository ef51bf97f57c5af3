"""Chat: a title and a short text with a link, cut cleanly to what every service takes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.messages.story import Story
from service.messages.wording import cut, opening, words

MAX_BODY = 1_500  # with its title below Discord's 2,000, the smallest limit of those we speak to
MAX_LIST_BYTES = 3_400  # with its title and the way out below the 4,096 of ntfy and of Telegram
MAX_ADDRESS_BYTES = 2_400  # of all addresses of a list: what is left is for titles
MAX_LABELS = 300
MAX_NOTE = 500
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
    say = opening(story.kind, story.title, cut(story.note, MAX_NOTE), language)
    is_gone = story.kind == "withdrawal"
    end = _paragraphs(cut(labels, MAX_LABELS), "" if is_gone else story.url)
    start = _paragraphs(say.lead, say.note)
    room = max(MAX_BODY - len(start) - len(end) - 2 * len("\n\n"), 1)
    lead = "" if is_gone else cut(story.summary or story.body_text, room)
    body = _paragraphs(start, lead, end)
    return ChatMessage(_without_mentions(say.title), _without_mentions(body))


def listed(heading: str, stories: Sequence[Story], more: str) -> ChatMessage:
    """Tell a person's chat several articles: each by its title, and its address where all of those
    have room. `more` leads to the rest, if there is any."""
    room, addresses = MAX_ADDRESS_BYTES, []
    for story in stories:
        size = len(story.url.encode())
        addresses.append(story.url if size <= room else "")
        room -= size if size <= room else 0
    taken = sum(len(one.encode()) for one in addresses) + len(more.encode())
    each = max((MAX_LIST_BYTES - taken) // max(len(stories), 1) - len("• \n\n".encode()), 1)
    told = (
        f"• {_cut_bytes(story.title, each)}\n{address}".rstrip()
        for story, address in zip(stories, addresses, strict=True)
    )
    return ChatMessage(heading, _without_mentions(_paragraphs(*told, more)))


def _cut_bytes(text: str, size: int) -> str:
    """A text cut to so many bytes: letters of Turkish have two."""
    if len(text.encode()) <= size:
        return text
    return cut(text.encode()[:size].decode("utf-8", "ignore"), max(size // 2, 1))


def _paragraphs(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def _without_mentions(text: str) -> str:
    """Keep a headline from ringing everybody in a room: `@everyone` gets a word joiner inside."""
    return _MENTION.sub("@\u2060", text)


def channel_test(language: str) -> ChatMessage:
    return ChatMessage(words(language)["test_title"], words(language)["test_body"])


def code_message(code: str, language: str) -> ChatMessage:
    """The code that proves a personal chat."""
    say = words(language)
    return ChatMessage(say["chat_code_title"].format(code=code), say["chat_code_body"])


def welcome(language: str) -> ChatMessage:
    """The first message to a personal chat that was proved; how to stop it follows."""
    return ChatMessage(words(language)["chat_welcome_title"], "")


def with_way_out(message: ChatMessage, url: str, language: str, *, by_word: bool) -> ChatMessage:
    """Say at the end of a message to a person how to stop them: on a page, or also by a word."""
    how = words(language)["chat_stop_telegram" if by_word else "chat_stop"].format(url=url)
    return ChatMessage(message.title, _paragraphs(message.body, how))
