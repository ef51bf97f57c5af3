"""Digests and summaries: many articles in one letter, and no two readers' letters need be alike.

What all readers have in common is rendered once for each language: the frame, each topic's heading,
each article. A letter is then joined from these pieces, so that it costs no template however the
readers' choices are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from html import escape

from service.ledger.digest_look import Item, Letter, Wish
from service.messages.article import MAX_NAME, MAX_NAMES, MAX_TITLE, MAX_URL, RTL
from service.messages.edition import ADDRESS, unended
from service.messages.email import Letterhead, Reader
from service.messages.letter import LetterError, encoded_subject
from service.messages.quoted import LINE, quoted
from service.messages.segments import SegmentError, Segments, new_mark
from service.messages.story import Name, Story
from service.messages.wording import long_date, printable, words
from service.models import Frequency

MAX_LEAD = 280  # characters of an article's summary
MAX_HEADLINE = 200
MAX_ITEMS_BYTES = 80_000  # of both parts: with the frame below the 102 KB that mailboxes show
MAX_WISHES = 12  # choices that the reason below names; more are counted
SLOTS = ("recipient", "message id", "subject", "token", "leave", "text", "html", "why", "html why")
_SUBJECT = SLOTS.index("subject")
KINDS = {Frequency.DAILY: "daily", Frequency.WEEKLY: "weekly", Frequency.INSTANT: "summary"}


class DigestLetter:
    """A reader's digest, joined when its bytes are asked for."""

    __slots__ = (
        "_tail",
        "envelope_sender",
        "form",
        "message_id",
        "recipient",
        "subject",
        "values",
    )

    def __init__(
        self,
        form: DigestForm,
        values: tuple[bytes, ...],
        recipient: str,
        message_id: str,
        subject: str,
    ) -> None:
        self.form, self.values, self.recipient = form, values, recipient
        self.message_id, self.subject = message_id, subject
        self.envelope_sender = form.house.envelope_sender(message_id)
        self._tail: bytes | None = None

    @property
    def head_values(self) -> tuple[bytes, ...]:
        """The values of the slots as a signature of the headers has them: each on one line."""
        return tuple(
            value.replace(b"\r\n", b"") if slot == _SUBJECT else value
            for slot, value in enumerate(self.values)
        )

    @property
    def body_tail(self) -> bytes:
        """What comes after the constant start of the body."""
        if self._tail is None:
            self._tail = self.form.body.tail(self.values)
        return self._tail

    def as_bytes(self) -> bytes:
        """The whole message: CRLF line ends, seven bits, and no line that begins with a dot."""
        head, body = self.form.head, self.form.body
        return b"".join((head.start, head.tail(self.values), b"\r\n", body.start, self.body_tail))


@dataclass(frozen=True)
class Pieces:
    """One piece of a letter, as lines of both parts."""

    text: bytes
    html: bytes


class DigestForm:
    """A digest in one language: `head` and `body`, with slots for what is a reader's own."""

    def __init__(self, edition: DigestEdition, language: str) -> None:
        self.house, self._edition, self._language = edition.letterhead, edition, language
        self._words = words(language)
        marks = {slot: new_mark() for slot in SLOTS}
        inside = {name: new_mark() for name in ("items", "unsubscribe", "why")}
        whole = self.house.letter(
            recipient=marks["recipient"],
            message_id=marks["message id"],
            subject=marks["subject"],
            at=edition.at,
            sheet=self.house.fill_in("digest", language, self._frame(), inside),
            headers=edition.headers(marks["token"]),
        )
        url = self.house.unsubscribe_url
        ways = [unended(url), unended(escape(url))]
        self._room = min(LINE + 2 - len(way.rpartition(b"\r\n")[2]) for way in ways)
        text_slots, html_slots = (
            {
                inside["items"]: marks[items].encode(),
                inside["unsubscribe"]: way + marks["leave"].encode(),
                inside["why"]: marks[why].encode(),
            }
            for way, items, why in zip(ways, ("text", "html"), ("why", "html why"), strict=True)
        )
        self.marks = tuple(mark.encode() for mark in marks.values())
        self.head = Segments(whole.head(), self.marks)
        self.body = Segments(whole.body(text_slots, html_slots), self.marks)
        self._check()
        self._articles: dict[int, Pieces] = {}
        self._headlines: dict[int, Pieces] = {}  # the same without their summaries
        self._titles: dict[int, str] = {}
        self._topic = lru_cache(1_024)(self._new_topic)
        self._more = lru_cache(1_024)(self._new_more)
        self._why = self._new_frame_of_why()
        self._wish = lru_cache(4_096)(self._new_wish)
        self._day = lru_cache(4_096)(self._new_day)
        self._subject = lru_cache(4_096)(self._new_subject)

    def fill(self, reader: Reader, letter: Letter) -> DigestLetter:
        """The letter of one reader.

        Raises:
            LetterError: there is nothing in it to tell.
        """
        if not letter.items:
            raise LetterError("a digest without items is no letter")
        self._learn(letter.items)
        edition, house = self._edition, self.house
        token = house.way_out(edition.notification_id, reader).encode()
        message_id = house.message_id(edition.notification_id, reader.destination_id)
        count = len(letter.items) + letter.more - 1
        subject, encoded = self._subject(self._titles[letter.items[0].revision_id], count)
        pieces = list(self._pieces(letter, self._articles))
        if sum(len(one.text) + len(one.html) for one in pieces) > MAX_ITEMS_BYTES:
            pieces = list(self._pieces(letter, self._headlines))
        day = house.local_date(reader.subscribed_at or edition.at)
        text_why, html_why = self._reason(letter.wishes, day)
        values = (
            reader.address.encode(),
            message_id.encode(),
            encoded,
            token,
            token if len(token) <= self._room else b"=\r\n" + token,
            _unended(b"".join(piece.text for piece in pieces)),
            _unended(b"".join(piece.html for piece in pieces)),
            text_why,
            html_why,
        )
        return DigestLetter(self, values, reader.address, message_id, subject)

    def _frame(self) -> dict[str, str]:
        kind = self._edition.kind
        return {
            "kind": kind,
            "subject": self._words[f"{kind}_heading"],
            "heading": self._words[f"{kind}_heading"],
            "date": long_date(self.house.local_date(self._edition.at), self._language),
        }

    def _pieces(self, letter: Letter, articles: Mapping[int, Pieces]) -> Iterable[Pieces]:
        """Topic by topic in the order of the staff, each with its items, and then the link."""
        groups: dict[int | None, list[Item]] = {}
        for item in letter.items:
            groups.setdefault(item.topic_id, []).append(item)
        position = {topic_id: n for n, topic_id in enumerate(self._edition.topics)}
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
            for story in self._edition.stories(unknown):
                values = _values(story)
                self._articles[story.revision_id] = self._written("digest_item", values)
                headline = self._written("digest_item", {**values, "summary": ""})
                self._headlines[story.revision_id] = headline
                self._titles[story.revision_id] = printable(story.title, MAX_TITLE)

    def _new_topic(self, topic_id: int | None) -> Pieces:
        topic = self._edition.topics.get(topic_id or 0)
        name = topic.spoken(self._language) if topic else self._words["other_news"]
        return self._written("digest_topic", {"topic": printable(name, MAX_NAME)})

    def _new_more(self, count: int) -> Pieces:
        values = {"more": self._words["digest_more"].format(n=count)}
        return self._written("digest_more", {**values, "archive": self._edition.archive})

    def _new_frame_of_why(self) -> tuple[Segments, Segments]:
        """Why somebody gets this letter, but for the day they asked and what for."""
        day, wishes = new_mark(), new_mark()
        kind = "instant" if self._edition.kind == "summary" else self._edition.kind
        values = {"frequency": self._words[kind]}
        sheet = self.house.fill_in(
            "digest_why", self._language, values, {"date": day, "wishes": wishes}
        )
        slots = {mark: mark.encode() for mark in (day, wishes)}
        text, html = (
            Segments(unended(part.strip(), slots), tuple(slots.values()))
            for part in (sheet.text, sheet.html)
        )
        return text, html

    def _reason(self, wishes: Sequence[Wish], day: date) -> tuple[bytes, bytes]:
        """The reason of one reader: all that they asked for at this frequency."""
        choices = sorted({(one.topic_id or 0, one.place_id or 0) for one in wishes})
        pieces = [self._wish(choice) for choice in choices[:MAX_WISHES]]
        if len(choices) > MAX_WISHES:
            others = self._words["other_wishes"].format(n=len(choices) - MAX_WISHES)
            pieces.append(self._written("digest_wish", {"wish": others}))
        said, (text, html) = self._day(day), self._why
        return (
            text.start + text.tail((said, _unended(b"".join(one.text for one in pieces)))),
            html.start + html.tail((said, _unended(b"".join(one.html for one in pieces)))),
        )

    def _new_wish(self, choice: tuple[int, int]) -> Pieces:
        topic = self._edition.topics.get(choice[0])
        place = self._edition.places.get(choice[1])
        about = topic.spoken(self._language) if topic else self._words["all_topics"]
        where = place.spoken(self._language) if place else self._words["whole_city"]
        return self._written("digest_wish", {"wish": printable(f"{about} – {where}", MAX_NAME)})

    def _new_day(self, day: date) -> bytes:
        return unended(long_date(day, self._language))

    def _new_subject(self, title: str, count: int) -> tuple[str, bytes]:
        kind = f"{self._edition.kind}_subject"
        if count:
            subject = self._words[kind].format(title=title, n=count)
        else:
            subject = self._words[f"{kind}_one"].format(title=title)
        return subject, encoded_subject(subject)

    def _written(self, template: str, values: Mapping[str, object]) -> Pieces:
        sheet = self.house.fill_in(template, self._language, values)
        return Pieces(quoted(sheet.text), quoted(sheet.html))

    def _check(self) -> None:
        """A slot that got lost on the way would be a letter without its reader's own link."""
        tokens = 2 if self.head.counts[SLOTS.index("token")] == 2 else 1
        for part, segments, expected in (
            ("headers", self.head, (1, 1, 1, tokens, 0, 0, 0, 0, 0)),
            ("body", self.body, (0, 0, 0, 0, 2, 1, 1, 1, 1)),
        ):
            for slot, found, wanted in zip(SLOTS, segments.counts, expected, strict=True):
                if found != wanted:
                    raise SegmentError(f"digest: {slot} is {found} times in the {part}")


class DigestEdition:
    """One digest, ready for any number of readers.

    `topics` are in the order of the staff, and `places` by id. `stories` reads articles by their
    revisions.
    """

    def __init__(
        self,
        letterhead: Letterhead,
        notification_id: int,
        frequency: Frequency,
        at: datetime,
        topics: Mapping[int, Name],
        places: Mapping[int, Name],
        stories: Callable[[Sequence[int]], Sequence[Story]],
    ) -> None:
        self.letterhead, self.notification_id, self.at = letterhead, notification_id, at
        self.kind = KINDS[frequency]
        self.topics, self.places, self.stories = topics, places, stories
        self.archive = letterhead.page("haberler")
        self._forms: dict[str, DigestForm] = {}

    def letter(self, reader: Reader, letter: Letter) -> DigestLetter:
        """The digest of one reader.

        Raises:
            LetterError: the address is not one that a letter may be written to as it is.
        """
        if not ADDRESS.fullmatch(reader.address):
            raise LetterError("the address is not plain ASCII, as in name@example.com")
        form = self._forms.get(reader.language)
        if form is None:
            form = self._forms[reader.language] = DigestForm(self, reader.language)
        return form.fill(reader, letter)

    def headers(self, token: str) -> dict[str, str]:
        """The headers of a digest; the token may be a mark."""
        return {
            "List-Id": f"<{self.kind}.haber.{self.letterhead.domain}>",
            "List-Unsubscribe": self.letterhead.ways_out(token),
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "list",
            "Feedback-ID": f"{self.kind}:digest:tellal",
        }


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
