"""Reports: delivery status (RFC 3464), complaints (RFC 5965) and mailed wishes to leave (RFC 2369).

Whatever is read here was written by strangers. Whom a report is about comes from a token that we
have signed ourselves and from nothing else; the text of the report only says what happened to that
one letter. So whoever forges a report can speak for nobody whose letter they do not hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesParser, Parser
from email.policy import compat32

from service.bounces.verdict import judge
from service.crypto import Vault
from service.models import BounceVerdict

MAX_BYTES = 256 * 1024  # the report comes before the returned letter, of which a part is enough
MAX_DETAIL = 200
DEPTH = 4  # of multiparts in multiparts; the returned letter itself is never looked into
MAX_FIELD = 2_000

ADDRESSED = ("Delivered-To", "X-Original-To", "To")  # the last server's word comes first
_VERP = re.compile(r"(?<![a-z0-9])b\+([a-z2-7]{17,60})@", re.IGNORECASE | re.ASCII)
_LEAVE = re.compile(r"(?<![a-z0-9])u\+([a-z2-7]{17,60})@", re.IGNORECASE | re.ASCII)
_MESSAGE_ID = re.compile(r"<([a-z2-7]{17,60})@", re.IGNORECASE | re.ASCII)
_ADDRESS = re.compile(r"[^\s<>;,:()\"]+@[^\s<>;,:()\"]+")

_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")  # RFC 3464, RFC 6533
_RETURNED_PARTS = ("message/rfc822", "message/global")
_HEADER_PARTS = ("text/rfc822-headers", "message/global-headers")
# What a reader means by the button "this is spam"; `not-spam` and `auth-failure` are no complaint.
_COMPLAINTS = ("abuse", "fraud", "opt-out")
# From the mildest to the gravest. Where one letter has several recipients, because an alias stands
# for them, the mildest fate counts: somebody may have got it.
_GRAVITY = (
    BounceVerdict.NOTHING,
    BounceVerdict.OURS,
    BounceVerdict.SOFT,
    BounceVerdict.DISABLED,
    BounceVerdict.HARD,
)
# What the standard library's parser raises for some malformed messages.
_UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, AssertionError, RecursionError)


@dataclass(frozen=True)
class Returned:
    """A letter that did not arrive, or not yet (`NOTHING`)."""

    notification_id: int
    destination_id: int
    verdict: BounceVerdict
    status: str
    detail: str


@dataclass(frozen=True)
class Complained:
    """A letter that its reader called spam."""

    notification_id: int
    destination_id: int


@dataclass(frozen=True)
class Leaving:
    """A mailed wish to leave; the token is that of the letter's unsubscribe link."""

    token: str


@dataclass(frozen=True)
class Arrived:
    """A letter of ours itself, as its recipient gets it: proof that it came."""

    notification_id: int
    destination_id: int


Report = Returned | Complained | Leaving | Arrived


def read_report(raw: bytes, vault: Vault, recipients: Sequence[str] = ()) -> Report | None:
    """Say what a message reports, or None: it reports nothing, or about no letter of ours.

    `recipients` are those of the envelope; without them the headers of the last delivery stand in.
    Never raises for any bytes.
    """
    try:
        message = BytesParser(policy=compat32).parsebytes(raw[:MAX_BYTES])
        return _read(message, vault, list(recipients) or _addressed(message))
    except _UNREADABLE:
        return None


def strip_addresses(text: str) -> str:
    """The words of another server without the addresses in them, short and on one line."""
    plain = "".join(c if c.isprintable() else " " for c in text[:MAX_FIELD])
    return " ".join(_ADDRESS.sub("…", plain).split())[:MAX_DETAIL]


def _read(message: Message, vault: Vault, recipients: Sequence[str]) -> Report | None:
    parts = list(_parts(message))
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/feedback-report":
            return _complaint(part, parts, vault, recipients)
        if kind in _STATUS_PARTS:
            letter = _first(vault, "mail", 2, _VERP, recipients)
            return _returned(letter, _groups(part)) if letter else None
    for recipient in recipients:
        for token in _LEAVE.findall(recipient[:MAX_FIELD]):
            if vault.numbers("unsubscribe", token, 3):
                return Leaving(token)
    return _arrived(message, vault)


def _arrived(message: Message, vault: Vault) -> Arrived | None:
    """Known by the Message-ID that we gave and signed; an answer to it has one of its own."""
    letter = _first(vault, "mail", 2, _MESSAGE_ID, [_field(message, "Message-ID")])
    return Arrived(letter[0], letter[1]) if letter else None


def _returned(letter: tuple[int, ...], groups: Sequence[Message]) -> Returned | None:
    """The mildest fate of the recipients that a delivery status speaks of."""
    fates = [fate for group in groups if (fate := _fate(group))]
    if not fates:
        return None
    verdict, status, detail = min(fates, key=lambda fate: _GRAVITY.index(fate[0]))
    return Returned(letter[0], letter[1], verdict, status[:16], detail)


def _fate(group: Message) -> tuple[BounceVerdict, str, str] | None:
    """What one recipient's fields say (RFC 3464, section 2.3); None where they say nothing."""
    action = _field(group, "Action").partition("(")[0].strip().lower()
    if not action:
        return None
    status = _field(group, "Status").partition("(")[0].strip()
    said = _field(group, "Diagnostic-Code")
    if action != "failed":
        return BounceVerdict.NOTHING, status, ""
    verdict, code = judge(status, said)
    return verdict, code, strip_addresses(said.partition(";")[2] or said)


def _complaint(
    report: Message, parts: Sequence[Message], vault: Vault, recipients: Sequence[str]
) -> Complained | None:
    """A complaint names our letter by its envelope sender, or by the letter itself."""
    nested = report.get_payload()
    fields = nested[0] if isinstance(nested, list) and isinstance(nested[0], Message) else report
    if _field(fields, "Feedback-Type").lower() not in _COMPLAINTS:
        return None
    returned = [found for part in parts if (found := _returned_headers(part)) is not None]
    senders = [
        _field(fields, "Original-Mail-From"),
        *(_field(letter, "Return-Path") for letter in returned),
        *recipients,
    ]
    ids = [_field(letter, "Message-ID") for letter in returned]
    about = _first(vault, "mail", 2, _VERP, senders) or _first(vault, "mail", 2, _MESSAGE_ID, ids)
    return Complained(about[0], about[1]) if about else None


def _returned_headers(part: Message) -> Message | None:
    kind, payload = part.get_content_type(), part.get_payload()
    if kind in _RETURNED_PARTS and isinstance(payload, list) and isinstance(payload[0], Message):
        return payload[0]
    if kind in _HEADER_PARTS:
        return _fields_of(part)
    return None


def _fields_of(part: Message) -> Message:
    """The headers that a part quotes as its text."""
    payload = part.get_payload()
    if isinstance(payload, list) and isinstance(payload[0], Message):
        return payload[0]
    return Parser(policy=compat32).parsestr(str(payload), headersonly=True)


def _groups(part: Message) -> list[Message]:
    """The groups of fields of a delivery status; the library splits only the older kind."""
    payload = part.get_payload()
    if not isinstance(payload, list):
        return []
    groups = [group for group in payload if isinstance(group, Message)]
    if part.get_content_type() != _STATUS_PARTS[0]:
        rest = "".join(str(group.get_payload()) for group in groups)
        parser = Parser(policy=compat32)
        blocks = re.split(r"\r?\n[ \t]*\r?\n", rest)
        groups += [parser.parsestr(block.lstrip(), headersonly=True) for block in blocks]
    return groups


def _parts(message: Message, depth: int = DEPTH) -> Iterator[Message]:
    """The parts of a report, without those of the letter that it returns."""
    payload = message.get_payload()
    if message.get_content_maintype() != "multipart" or not isinstance(payload, list):
        yield message
        return
    for part in payload:
        if isinstance(part, Message) and depth:
            yield from _parts(part, depth - 1)


def _addressed(message: Message) -> list[str]:
    return [str(one) for name in ADDRESSED for one in message.get_all(name, [])]


def _field(message: Message, name: str) -> str:
    """A field's text on one line, empty where there is none."""
    return " ".join(str(message.get(name, ""))[:MAX_FIELD].split())


def _first(
    vault: Vault, purpose: str, count: int, shape: re.Pattern[str], texts: Sequence[str]
) -> tuple[int, ...] | None:
    """The numbers of the first authentic token."""
    for text in texts:
        for token in shape.findall(text[:MAX_FIELD]):
            if numbers := vault.numbers(purpose, token, count):
                return numbers
    return None
