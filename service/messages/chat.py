"""Chat: what a message tells a room or a person, and how each service wants it written.

`about` and others make a `ChatMessage`. Its `title` and `body` are plain text, short enough for any
service. Who sends asks for more by the service's name or a scheme of it:

    written = message.written("discord")
    written.text       the whole message in the service's form, title and link included, within its
                       limit, cut between words: HTML for Telegram and Matrix, mrkdwn for Slack ...
    written.plain      the same for readers of plain text (Matrix: `body` beside `formatted_body`)
    written.title, written.body         plain, for services with a field for the title (ntfy)
    written.url, written.image_url      absolute http(s), else empty; nothing is fetched by us
    written.priority, written.tags      as ntfy has them

Nothing of an article can be markup in `text` or ring anybody. Services that also take a list of
who may be rung should get an empty one (Discord `allowed_mentions`, Matrix `m.mentions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from service.messages.chat_content import Content, Item
from service.messages.chat_dialects import Dialect
from service.messages.chat_paper import ChatPaper, chat_paper
from service.messages.chat_services import Form
from service.messages.chat_text import octets, shortened, tame, tame_line, web_address
from service.messages.story import Story
from service.messages.wording import opening, words

MAX_BODY = 1_500  # with its title below Discord's 2,000, the smallest limit of those we speak to
MAX_LIST_BYTES = 3_400  # with its title and the way out below the 4,096 of ntfy and of Telegram
MAX_TITLE = 400
MAX_SUMMARY = 1_500  # more would flood a room, whatever its service bears
MAX_LABELS = 300
MAX_NOTE = 500
MAX_ALT = 500
_PLAIN = Dialect("plain", Form.TEXT)
_PLAIN_LIST = Dialect("plain", Form.TEXT, size=octets)
# What ntfy shows before the title; of urgent news it also rings through the silence of a night.
_TAGS = {"correction": ("pencil2",), "withdrawal": ("no_entry",)}
_URGENT_TAG, _URGENT_PRIORITY, _PRIORITY = "rotating_light", 5, 3


@dataclass(frozen=True)
class Written:
    """A message as one service wants it; see the top of this module."""

    service: str
    form: Form
    text: str
    plain: str
    title: str
    body: str
    url: str = ""
    image_url: str = ""
    image_alt: str = ""
    priority: int = _PRIORITY
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class ChatMessage:
    """`title` and `body` are plain text. `content`: the parts, from which the forms of services are
    written; a message without them is its title and its body."""

    title: str
    body: str
    content: Content | None = None
    story: Story | None = None
    paper: ChatPaper = field(default_factory=chat_paper, compare=False, repr=False)
    _kept: dict[tuple[Dialect, int], Written] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def written(self, service: str, longest: int | None = None) -> Written:
        """The message for a service, by its name in `config/chat.yaml` or one of its schemes.

        `longest`: where a part of the service bears less than its messages, such as a caption.
        """
        dialect, most = self.paper.rules(service)
        key = (dialect, min(most, longest or most))
        if key not in self._kept:  # written once for all rooms of a service
            self._kept[key] = self._written(*key)
        return self._kept[key]

    def _written(self, dialect: Dialect, longest: int) -> Written:
        content = self._content()
        title, body = self.title, self.body
        if dialect.form is Form.TEXT:
            title = _title_within(title, dialect, longest // 2)
            room = longest - dialect.size(f"{title}\n\n")
            body = self.paper.write(content, dialect, room)
            text = f"{title}\n\n{body}".strip()
        else:
            text = self.paper.write(content, dialect, longest)
        return Written(
            service=dialect.name,
            form=dialect.form,
            text=text,
            plain=f"{title}\n\n{body}".strip(),
            title=title,
            body=body,
            url=content.url,
            image_url=content.image_url,
            image_alt=content.image_alt,
            priority=_URGENT_PRIORITY if content.is_urgent else _PRIORITY,
            tags=((_URGENT_TAG,) if content.is_urgent else ()) + _TAGS.get(content.kind, ()),
        )

    def _content(self) -> Content:
        return self.content or Content("service", "tr", self.title, summary=self.body)


def about(story: Story, language: str, paper: ChatPaper | None = None) -> ChatMessage:
    """Tell a chat an article: its lead, its topics, its address; never a person's data.

    The lead gives way where all of it would be too long; an address is never cut.
    """
    names = (story.topic_names(language), story.place_names(language))
    title, note = tame_line(story.title, MAX_TITLE), tame(story.note, MAX_NOTE)
    is_gone = story.kind == "withdrawal"
    if story.is_urgent and not is_gone:
        title = words(language)["urgent_title"].format(title=title)
    say = opening(story.kind, title, note, language)
    content = Content(
        kind=story.kind,
        language=language,
        title=say.title,
        lead=say.lead,
        note=say.note,
        summary="" if is_gone else tame(story.summary or story.body_text, MAX_SUMMARY),
        labels=tame_line(" · ".join(name for name in names if name), MAX_LABELS),
        url="" if is_gone else web_address(story.url),
        image_url="" if is_gone else web_address(story.image_url),
        image_alt=tame_line(story.image_alt, MAX_ALT),
        is_urgent=story.is_urgent,
    )
    return replace(_message(content, paper, _PLAIN, MAX_BODY), story=story)


def listed(
    heading: str,
    stories: Sequence[Story],
    more: str,
    language: str = "tr",
    paper: ChatPaper | None = None,
) -> ChatMessage:
    """Tell a chat several articles: each by its title, and its address where all of those have
    room. `more` leads to the rest, if there is any."""
    items = tuple(
        Item(tame_line(story.title, MAX_TITLE) or "–", web_address(story.url)) for story in stories
    )
    content = Content("list", language, heading, items=items, more=tame(more, MAX_NOTE))
    return _message(content, paper, _PLAIN_LIST, MAX_LIST_BYTES)


def channel_test(language: str, paper: ChatPaper | None = None) -> ChatMessage:
    """What staff send to see that a channel works."""
    say = words(language)
    return _service(say["test_title"], say["test_body"], language, paper)


def code_message(code: str, language: str, paper: ChatPaper | None = None) -> ChatMessage:
    """The code that proves a personal chat."""
    say = words(language)
    title = say["chat_code_title"].format(code=code)
    return _service(title, say["chat_code_body"], language, paper)


def welcome(language: str, paper: ChatPaper | None = None) -> ChatMessage:
    """The first message to a personal chat that was proved; how to stop it follows."""
    return _service(words(language)["chat_welcome_title"], "", language, paper)


def with_way_out(message: ChatMessage, url: str, language: str, *, by_word: bool) -> ChatMessage:
    """Say at the end of a message to a person how to stop them: on a page, or also by a word."""
    how = words(language)["chat_stop_telegram" if by_word else "chat_stop"].format(url=url)
    body = "\n\n".join(part for part in (message.body, how) if part)
    content = message.content and replace(message.content, footer=how)
    return replace(message, body=body, content=content)


def _service(title: str, text: str, language: str, paper: ChatPaper | None) -> ChatMessage:
    content = Content("service", language, title, summary=text)
    return _message(content, paper, _PLAIN, MAX_BODY)


def _message(
    content: Content, paper: ChatPaper | None, dialect: Dialect, longest: int
) -> ChatMessage:
    """A message with its plain text. An address is longer than that only where it is alone."""
    paper = paper or chat_paper()
    body = paper.write(content, dialect, max(longest, len(content.url) + MAX_LABELS))
    return ChatMessage(content.title, body, content, paper=paper)


def _title_within(title: str, dialect: Dialect, longest: int) -> str:
    size = min(len(title), longest)
    while size > 0 and dialect.size(shortened(title, size)) > longest:
        size -= 1
    return shortened(title, size)
