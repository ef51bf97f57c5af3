"""The pieces of a digest in one language: each written once, and joined for each reader."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from service.ledger.digest_letter import Item, Letter, Wish
from service.messages.article import MAX_NAME, MAX_NAMES, MAX_TITLE, MAX_URL, RTL
from service.messages.edition import unended
from service.messages.email import Letterhead
from service.messages.letter import encoded_subject
from service.messages.quoted import quoted
from service.messages.segments import Segments, new_mark
from service.messages.story import Name, Story
from service.messages.wording import long_date, printable, words

MAX_LEAD = 280  # characters of an article's summary
MAX_HEADLINE = 200
MAX_ITEMS_BYTES = 80_000  # of both parts: with the frame below the 102 KB that mailboxes show
MAX_WISHES = 12  # choices that the reason below names; more are counted


@dataclass(frozen=True)
class Matter:
    """What a digest is made of, in any language.

    `kind` is daily, weekly or summary; `topics` are in the order of the staff, `places` by id, and
    `stories` reads articles by their revisions.
    """

    kind: str
    topics: Mapping[int, Name]
    places: Mapping[int, Name]
    stories: Callable[[Sequence[int]], Sequence[Story]]


@dataclass(frozen=True)
class Piece:
    """A part of a letter, as lines of both of its parts."""

    text: bytes
    html: bytes

    @classmethod
    def join(cls, pieces: Sequence[Piece]) -> Piece:
        """Pieces below each other, without the end of the last line."""
        return cls(
            _unended(b"".join(one.text for one in pieces)),
            _unended(b"".join(one.html for one in pieces)),
        )

    @property
    def size(self) -> int:
        return len(self.text) + len(self.html)


class Pieces:
    """All pieces of one digest in one language."""

    def __init__(self, house: Letterhead, matter: Matter, language: str) -> None:
        self._house, self._matter, self._language = house, matter, language
        self._words = words(language)
        self._articles: dict[int, Piece] = {}
        self._headlines: dict[int, Piece] = {}  # the same without their summaries
        self._titles: dict[int, str] = {}
        self._why = self._frame_of_why()
        self._topic = lru_cache(1_024)(self._new_topic)
        self._more = lru_cache(1_024)(self._new_more)
        self._wish = lru_cache(4_096)(self._new_wish)
        self._day = lru_cache(4_096)(self._new_day)
        self._subject = lru_cache(4_096)(self._new_subject)

    def subject(self, letter: Letter) -> tuple[str, bytes]:
        """The line in the inbox, and the same as a header has it."""
        self._learn(letter.items)
        others = len(letter.items) + letter.more - 1
        return self._subject(self._titles[letter.items[0].revision_id], others)

    def items(self, letter: Letter) -> Piece:
        """What a letter tells; without summaries where it would be cut off by mailboxes."""
        self._learn(letter.items)
        whole = Piece.join(list(self._in_order(letter, self._articles)))
        if whole.size <= MAX_ITEMS_BYTES:
            return whole
        return Piece.join(list(self._in_order(letter, self._headlines)))

    def why(self, wishes: Sequence[Wish], day: date) -> Piece:
        """The reason of one reader: all that they asked for at this frequency."""
        choices = sorted({(one.topic_id or 0, one.place_id or 0) for one in wishes})
        found = [self._wish(choice) for choice in choices[:MAX_WISHES]]
        if len(choices) > MAX_WISHES:
            others = self._words["other_wishes"].format(n=len(choices) - MAX_WISHES)
            found.append(self._written("digest_wish", {"wish": others}))
        said, asked, (text, html) = self._day(day), Piece.join(found), self._why
        return Piece(
            text.start + text.tail((said, asked.text)), html.start + html.tail((said, asked.html))
        )

    def _in_order(self, letter: Letter, articles: Mapping[int, Piece]) -> Iterable[Piece]:
        """Topic by topic in the order of the staff, each with its items, and then the link."""
        groups: dict[int | None, list[Item]] = {}
        for item in letter.items:
            groups.setdefault(item.topic_id, []).append(item)
        position = {topic_id: n for n, topic_id in enumerate(self._matter.topics)}
        for topic_id in sorted(groups, key=lambda one: position.get(one or 0, len(position))):
            yield self._topic(topic_id)
            for item in groups[topic_id]:
                yield articles[item.revision_id]
        if letter.more:
            yield self._more(letter.more)

    def _learn(self, items: Sequence[Item]) -> None:
        """Write the articles of a letter that no letter had before."""
        unknown = [one.revision_id for one in items if one.revision_id not in self._articles]
        if unknown:
            for story in self._matter.stories(unknown):
                values = _values(story)
                self._articles[story.revision_id] = self._written("digest_item", values)
                headline = self._written("digest_item", {**values, "summary": ""})
                self._headlines[story.revision_id] = headline
                self._titles[story.revision_id] = printable(story.title, MAX_TITLE)

    def _new_topic(self, topic_id: int | None) -> Piece:
        topic = self._matter.topics.get(topic_id or 0)
        name = topic.spoken(self._language) if topic else self._words["other_news"]
        return self._written("digest_topic", {"topic": printable(name, MAX_NAME)})

    def _new_more(self, count: int) -> Piece:
        archive = self._house.page("/haberler", self._language)
        more = self._words["digest_more"].format(n=count)
        return self._written("digest_more", {"more": more, "archive": archive})

    def _frame_of_why(self) -> tuple[Segments, Segments]:
        """Why somebody gets this letter, but for the day they asked and what for."""
        day, wishes = new_mark(), new_mark()
        kind = "instant" if self._matter.kind == "summary" else self._matter.kind
        values = {"frequency": self._words[kind]}
        sheet = self._house.fill_in(
            "digest_why", self._language, values, {"date": day, "wishes": wishes}
        )
        slots = {mark: mark.encode() for mark in (day, wishes)}
        text, html = (
            Segments(unended(part.strip(), slots), tuple(slots.values()))
            for part in (sheet.text, sheet.html)
        )
        return text, html

    def _new_wish(self, choice: tuple[int, int]) -> Piece:
        topic = self._matter.topics.get(choice[0])
        place = self._matter.places.get(choice[1])
        about = topic.spoken(self._language) if topic else self._words["all_topics"]
        where = place.spoken(self._language) if place else self._words["whole_city"]
        return self._written("digest_wish", {"wish": printable(f"{about} – {where}", MAX_NAME)})

    def _new_day(self, day: date) -> bytes:
        return unended(long_date(day, self._language))

    def _new_subject(self, title: str, count: int) -> tuple[str, bytes]:
        kind = f"{self._matter.kind}_subject"
        if count:
            subject = self._words[kind].format(title=title, n=count)
        else:
            subject = self._words[f"{kind}_one"].format(title=title)
        return subject, encoded_subject(subject)

    def _written(self, template: str, values: Mapping[str, object]) -> Piece:
        sheet = self._house.fill_in(template, self._language, values)
        return Piece(quoted(sheet.text), quoted(sheet.html))


def _values(story: Story) -> dict[str, object]:
    """The values of `digest_item`, as `docs/mail-templates.md` lists them."""
    is_rtl = story.language.partition("-")[0] in RTL
    return {
        "title": printable(story.title, MAX_HEADLINE),
        "summary": printable(story.summary or story.body_text, MAX_LEAD),
        "url": printable(story.url, MAX_URL),
        "places": printable(story.place_names("tr"), MAX_NAMES),
        "story_language": story.language,
        "direction": "rtl" if is_rtl else "auto",
    }


def _unended(lines: bytes) -> bytes:
    """Lines without the end of the last one."""
    return lines.removesuffix(b"\r\n")
