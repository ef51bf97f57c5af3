"""An edition: one notification about one article, rendered once for each language.

The letter of a reader is then joined from segments: what a template said to everybody, with this
reader's own tokens and reason in between. A batch has up to 1,000 readers and a notification up to
a million, so what is done for each of them is done by hand here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from html import escape

from service.messages.article import article_values, reason_values
from service.messages.email import Letterhead, Reader
from service.messages.letter import LetterError
from service.messages.quoted import LINE, quoted
from service.messages.segments import SegmentError, Segments, new_mark
from service.messages.story import Name, Story
from service.messages.wording import long_date

# An ASCII dot-atom at a domain in A-labels (RFC 5322, section 3.2.3; RFC 5321, section 4.5.3.1).
# Joining bypasses every other check, so a line break here would be a header or an SMTP command.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = re.compile(
    rf"(?=.{{1,64}}@)(?=.{{1,254}}\Z){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*"
)
_SLUG = re.compile(r"[A-Za-z0-9._-]{1,64}")

REASONS = 1_024  # kept for each language: topics × places
DAYS = 4_096  # on which readers asked, as their letters have them


# The slots of a letter, in the order of their values. The token of the way out is there twice,
# because the body may have to break the line before it.
SLOTS = ("recipient", "message id", "original", "asked", "token", "leave", "text why", "html why")


class EditionLetter:
    """A reader's letter, joined when its bytes are asked for; `values` fill the slots of `form`."""

    __slots__ = ("_tail", "envelope_sender", "form", "message_id", "recipient", "values")

    def __init__(
        self, form: Form, values: tuple[bytes, ...], recipient: str, message_id: str
    ) -> None:
        self.form, self.values = form, values
        self.recipient, self.message_id = recipient, message_id
        self.envelope_sender = form.house.envelope_sender(message_id)
        self._tail: bytes | None = None

    @property
    def subject(self) -> str:
        return self.form.subject

    @property
    def head_values(self) -> tuple[bytes, ...]:
        """The values of the slots as a signature of the headers has them."""
        return self.values

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


class Form:
    """An edition in one language: `head` and `body`, with slots for what is a reader's own."""

    def __init__(self, edition: Edition, language: str) -> None:
        self.house, self._edition, self._language = edition.letterhead, edition, language
        marks = {slot: new_mark() for slot in SLOTS}
        in_templates = {"unsubscribe": new_mark(), "why": new_mark()}
        values = article_values(edition.story, language, self.house.local_date)
        self.subject = values["subject"]
        whole = self.house.letter(
            recipient=marks["recipient"],
            message_id=marks["message id"],
            subject=self.subject,
            at=edition.at,
            sheet=self.house.fill_in("article", language, values, in_templates),
            headers=edition.headers(marks["asked"], marks["token"], marks["original"]),
        )
        url = self.house.unsubscribe_url
        ways = [unended(url), unended(escape(url))]
        self._room = min(LINE + 2 - len(way.rpartition(b"\r\n")[2]) for way in ways)
        text_slots, html_slots = (
            {
                in_templates["unsubscribe"]: way + marks["leave"].encode(),
                in_templates["why"]: marks[why].encode(),
            }
            for way, why in zip(ways, ("text why", "html why"), strict=True)
        )
        self.marks = tuple(mark.encode() for mark in marks.values())
        self.head = Segments(whole.head(), self.marks)
        self.body = Segments(whole.body(text_slots, html_slots), self.marks)
        self._check()
        self._reason = lru_cache(REASONS)(self._new_reason)
        self._day = lru_cache(DAYS)(self._new_day)

    def fill(self, reader: Reader, recipient: str) -> EditionLetter:
        """The letter of one reader."""
        edition, house = self._edition, self.house
        token = house.way_out(edition.notification_id, reader).encode()
        message_id = house.message_id(edition.notification_id, reader.destination_id)
        original = (
            house.message_id(edition.story.original, reader.destination_id).encode()
            if edition.story.original
            else b""
        )
        day = (self._day(house.local_date(reader.subscribed_at or edition.at)),)
        text_why, html_why = self._reason(reader.topic_id, reader.place_id)
        values = (
            recipient.encode(),
            message_id.encode(),
            original,
            edition.asked(reader.topic_id),
            token,
            token if len(token) <= self._room else b"=\r\n" + token,
            text_why.start + text_why.tail(day),
            html_why.start + html_why.tail(day),
        )
        return EditionLetter(self, values, recipient, message_id)

    def _new_reason(self, topic_id: int | None, place_id: int | None) -> tuple[Segments, Segments]:
        """Why somebody gets this letter, as lines of both parts, but for the day they asked."""
        day = new_mark()
        edition = self._edition
        values = reason_values(
            edition.story, self._language, topic_id, edition.places.get(place_id or 0)
        )
        sheet = self.house.fill_in("why", self._language, values, {"date": day})
        slots, marks = {day: day.encode()}, (day.encode(),)
        return (
            Segments(unended(sheet.text.strip(), slots), marks),
            Segments(unended(sheet.html.strip(), slots), marks),
        )

    def _new_day(self, day: date) -> bytes:
        return unended(long_date(day, self._language))

    def _check(self) -> None:
        """A slot that got lost on the way would be a letter without its reader's own link."""
        follows = 2 if self._edition.story.original else 0
        # A way out by mail names the token a second time.
        tokens = 2 if self.head.counts[SLOTS.index("token")] == 2 else 1
        for part, segments, expected in (
            ("headers", self.head, (1, 1, follows, 2, tokens, 0, 0, 0)),
            ("body", self.body, (0, 0, 0, 0, 0, 2, 1, 1)),
        ):
            for slot, found, wanted in zip(SLOTS, segments.counts, expected, strict=True):
                if found != wanted:
                    raise SegmentError(f"article: {slot} is {found} times in the {part}")


class Edition:
    """What one notification tells of one article, ready for any number of readers.

    `names` holds the places by id, for readers who asked for a district. `at` is the date that the
    letters bear, the same on every try.
    """

    def __init__(
        self,
        letterhead: Letterhead,
        story: Story,
        notification_id: int,
        names: Mapping[int, Name],
        at: datetime,
    ) -> None:
        self.letterhead, self.story, self.at = letterhead, story, at
        self.notification_id = notification_id
        self.places = names
        self._asked = {topic.id: _slug(topic).encode() for topic in story.topics}
        self._forms: dict[str, Form] = {}

    def letter(self, reader: Reader) -> EditionLetter:
        """A letter that tells one reader the article, and why they are told.

        Raises:
            LetterError: the address is not one that a letter may be written to as it is.
        """
        if not ADDRESS.fullmatch(reader.address):
            raise LetterError("the address is not plain ASCII, as in name@example.com")
        form = self._forms.get(reader.language)
        if form is None:
            form = self._forms[reader.language] = Form(self, reader.language)
        return form.fill(reader, reader.address)

    def asked(self, topic_id: int | None) -> bytes:
        """The topic that a reader asked for, as List-Id names it."""
        return self._asked.get(topic_id or 0, b"all")

    def headers(self, asked: str, token: str, original: str) -> dict[str, str]:
        """The headers of an article's letter; the arguments may be marks."""
        # What follows up a letter is shown below it.
        threads = ("In-Reply-To", "References") if self.story.original else ()
        return {
            **dict.fromkeys(threads, f"<{original}>"),
            "List-Id": f"<{asked}.haber.{self.letterhead.domain}>",
            "List-Unsubscribe": self.letterhead.ways_out(token),
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "list",
            "Feedback-ID": f"{asked}:article:tellal",
        }


def unended(text: str, slots: Mapping[str, bytes] | None = None) -> bytes:
    """Quoted-printable without the end of its last line."""
    return quoted(text, slots).removesuffix(b"\r\n")


def _slug(topic: Name) -> str:
    if not _SLUG.fullmatch(topic.slug):
        raise LetterError(f"the topic {topic.id} has a name that no header takes")
    return topic.slug
