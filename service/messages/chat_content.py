"""What a chat message says, apart from how: its parts, and which of them gives way first where all
of it would be too long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from service.messages.chat_text import shortened
from service.messages.wording import words

SHORTEST_TITLE = 40
SHORTEST_IN_LIST = 24
Shrink = Callable[["Content", int], "Content"]


@dataclass(frozen=True)
class Item:
    """One article of a list; its address is empty where there is no room for it."""

    title: str
    url: str


@dataclass(frozen=True)
class Content:
    """Texts that are tame already, in the language of the chat; any but the title may be empty.

    `kind`: new, correction, withdrawal, list or service. `lead` is what a follow-up says of itself,
    `more` what ends a list, `footer` how a person stops the messages.
    """

    kind: str
    language: str
    title: str
    lead: str = ""
    note: str = ""
    summary: str = ""
    labels: str = ""
    url: str = ""
    image_url: str = ""
    image_alt: str = ""
    is_urgent: bool = False
    items: tuple[Item, ...] = ()
    more: str = ""
    footer: str = ""

    @property
    def template(self) -> str:
        """The first part of its templates' names."""
        return self.kind if self.kind in ("list", "service") else "article"

    @property
    def values(self) -> dict[str, Any]:
        """What a template may name, as docs/chat.md lists it."""
        return {**vars(self), "words": words(self.language)}

    def _stages(self) -> Iterator[tuple[int, Shrink]]:
        """What gives way, in this order: from how much, and how to have less of it."""
        for name in ("summary", "note", "labels"):
            yield len(getattr(self, name)), _less_of(name)
        longest = max((len(item.title) for item in self.items), default=0)
        yield longest, _titles_of
        yield len(self.items), _addresses_of
        yield len(self.title), _title_of
        yield len(self.items), _items_of
        yield bool(self.url), _address_of
        yield len(self.lead), _less_of("lead")

    def fitted(self, write: Callable[[Content], str], fits: Callable[[str], bool]) -> str | None:
        """The text with as much of this as fits; None where nothing does."""
        content = self
        text = write(content)
        for size, shrink in self._stages():
            if fits(text):
                return text
            if not size:
                continue
            least = shrink(content, 0)
            text = write(least)
            if fits(text):
                return _most(content, size, shrink, write, fits) or text
            content = least
        return text if fits(text) else None


def _most(
    content: Content,
    size: int,
    shrink: Shrink,
    write: Callable[[Content], str],
    fits: Callable[[str], bool],
) -> str:
    """The longest text that fits, by halves: at 0 it does, at `size` it does not."""
    low, best = 0, ""
    while size - low > 1:
        middle = (low + size) // 2
        text = write(shrink(content, middle))
        if fits(text):
            low, best = middle, text
        else:
            size = middle
    return best


def _less_of(name: str) -> Shrink:
    def shrink(content: Content, size: int) -> Content:
        short: dict[str, Any] = {name: shortened(getattr(content, name), size)}
        return replace(content, **short)

    return shrink


def _title_of(content: Content, size: int) -> Content:
    return replace(content, title=shortened(content.title, max(size, SHORTEST_TITLE)))


def _titles_of(content: Content, size: int) -> Content:
    size = max(size, SHORTEST_IN_LIST)
    return replace(
        content, items=tuple(Item(shortened(one.title, size), one.url) for one in content.items)
    )


def _addresses_of(content: Content, size: int) -> Content:
    return replace(
        content,
        items=tuple(
            Item(one.title, one.url if n < size else "") for n, one in enumerate(content.items)
        ),
    )


def _items_of(content: Content, size: int) -> Content:
    return replace(content, items=content.items[:size])


def _address_of(content: Content, size: int) -> Content:
    return content if size else replace(content, url="")
