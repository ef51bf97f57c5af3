"""Digests and summaries: many articles in one letter, and no two readers' letters need be alike.

What all readers have in common is rendered once for each language: the frame, each topic's heading,
each article. A letter is then joined from these pieces, so that it costs no template however the
readers' choices are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from html import escape

from service.ledger.digest_letter import Letter
from service.messages.digest_pieces import Matter, Pieces
from service.messages.edition import ADDRESS, unended
from service.messages.email import Letterhead, Reader
from service.messages.letter import LetterError
from service.messages.quoted import LINE
from service.messages.segments import SegmentError, Segments, new_mark
from service.messages.story import Name, Story
from service.messages.wording import long_date, words
from service.models import Frequency

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


class DigestForm:
    """A digest in one language: `head` and `body`, with slots for what is a reader's own."""

    def __init__(self, edition: DigestEdition, language: str) -> None:
        self.house, self._edition, self._language = edition.letterhead, edition, language
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
        self._pieces = Pieces(self.house, edition.matter, language)

    def fill(self, reader: Reader, letter: Letter) -> DigestLetter:
        """The letter of one reader.

        Raises:
            LetterError: there is nothing in it to tell.
        """
        if not letter.items:
            raise LetterError("a digest without items is no letter")
        edition, house = self._edition, self.house
        token = house.way_out(edition.notification_id, reader).encode()
        message_id = house.message_id(edition.notification_id, reader.destination_id)
        subject, encoded = self._pieces.subject(letter)
        items = self._pieces.items(letter)
        day = house.local_date(reader.subscribed_at or edition.at)
        why = self._pieces.why(letter.wishes, day)
        values = (
            reader.address.encode(),
            message_id.encode(),
            encoded,
            token,
            token if len(token) <= self._room else b"=\r\n" + token,
            items.text,
            items.html,
            why.text,
            why.html,
        )
        return DigestLetter(self, values, reader.address, message_id, subject)

    def _frame(self) -> dict[str, str]:
        kind = self._edition.matter.kind
        heading = words(self._language)[f"{kind}_heading"]
        return {
            "kind": kind,
            "subject": heading,
            "heading": heading,
            "date": long_date(self.house.local_date(self._edition.at), self._language),
        }

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
    """One digest, ready for any number of readers; of its arguments `Matter` tells."""

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
        self.matter = Matter(KINDS[frequency], topics, places, stories)
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
            "List-Id": f"<{self.matter.kind}.haber.{self.letterhead.domain}>",
            "List-Unsubscribe": self.letterhead.ways_out(token),
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Precedence": "list",
            "Feedback-ID": f"{self.matter.kind}:digest:tellal",
        }
