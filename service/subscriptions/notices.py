"""The texts that people agree to or are told of: versioned content, published by staff.

Nothing is ever changed or deleted here: a consent proves itself by the hash of the sentence that
was shown, and by the version of the privacy notice that was linked beside it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nh3
from sqlalchemy import BigInteger, func, literal, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import service
from service.db import utcnow
from service.models import NoticeKind, NoticeText

LANGUAGES = ("tr", "en")
FALLBACK = "en"  # as of all pages
MAX_NOTICE, MAX_SENTENCE = 50_000, 500  # characters
AHEAD, AGO = timedelta(days=365), timedelta(minutes=5)  # from when a text may be shown
PROVIDER = "{provider}"  # stands in the sentence of `abroad` for whoever sends
TAGS = {"h2", "h3", "p", "ul", "ol", "li", "strong", "em", "a", "br"}

_CLEANER = nh3.Cleaner(
    tags=TAGS, attributes={"a": {"href"}, "p": {"class"}}, url_schemes={"https", "mailto"}
)
_COMMENT = re.compile(r"\{#.*?#\}\s*", re.DOTALL)
_SENTENCES = {
    (NoticeKind.CONSENT, "tr"): "Seçtiğim haberlerin gönderilmesi için e-posta adresimin "
    "işlenmesine açık rıza veriyorum.",
    (NoticeKind.CONSENT, "en"): "I give explicit consent to processing my email address to send "
    "the news I chose.",
    (NoticeKind.ABROAD, "tr"): "Bu kanal iletileri yurt dışındaki bir hizmetle gönderir "
    "({provider}); buna ayrıca açık rıza veriyorum.",
    (NoticeKind.ABROAD, "en"): "This channel sends through {provider} abroad; I consent to this "
    "separately.",
}


class NoticeError(ValueError):
    """A text cannot be published; the message says why."""


def text_hash(text: str) -> str:
    """What the consent ledger knows a text by: its SHA-256, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def ship(session: Session) -> None:
    """Publish the texts that come with the software, where nobody of the staff has published one.

    A second run changes nothing; a release with another text makes another version.
    """
    for kind in NoticeKind:
        for language in LANGUAGES:
            text, newest = _shipped(kind, language), _newest(session, kind, language)
            is_ours = newest is None or newest.published_by is None
            if is_ours and (newest is None or newest.text_hash != text_hash(text)):
                session.add(_version(kind, language, newest, text, None))


def current(session: Session, kind: NoticeKind, language: str) -> NoticeText:
    """The version that is shown now; of a language that has none, the English one."""
    found = _shown(session, kind, language) or _shown(session, kind, FALLBACK)
    if found is None:
        raise LookupError(f"there is no text {kind!r}: the database is not up to date")
    return found


def versions(session: Session) -> Sequence[NoticeText]:
    """All texts, by kind and language, the newest version of each first."""
    order = (NoticeText.kind, NoticeText.language, NoticeText.version.desc())
    return session.scalars(select(NoticeText).order_by(*order)).all()


def one_version(
    session: Session, kind: NoticeKind, language: str, version: int
) -> NoticeText | None:
    """A version by its number."""
    return session.scalar(
        select(NoticeText)
        .where(NoticeText.kind == kind, NoticeText.language == language)
        .where(NoticeText.version == literal(version, BigInteger))
    )


def publish(
    session: Session,
    kind: NoticeKind,
    language: str,
    text: str,
    staff_id: int,
    at: datetime,
) -> NoticeText:
    """Publish a new version, which is shown from `at` on: the present, or a day to come.

    Raises:
        NoticeError: the text is not fit for it, is the current one, comes before a version that was
            published for later, or somebody published another one at the same moment.
    """
    text = checked(kind, text)
    newest = _newest(session, kind, language)
    if newest is not None and newest.text_hash == text_hash(text):
        raise NoticeError(f"this is what version {newest.version} says already")
    if newest is not None and at < newest.published_at and newest.published_by is not None:
        raise NoticeError(
            f"version {newest.version} is shown from {newest.published_at:%Y-%m-%d %H:%M} UTC on: "
            "publish this one for the same moment or later"
        )
    made = _version(kind, language, newest, text, staff_id)
    made.published_at = at
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        raise NoticeError("somebody else published a version at the same moment") from None
    return made


def publish_all(
    session: Session,
    kind: NoticeKind,
    texts: Mapping[str, str],
    staff_id: int,
    at: datetime | None,
    now: datetime,
) -> list[NoticeText]:
    """Publish a text in its languages for one moment, null for now; those that say what their
    newest version says stay.

    Raises:
        NoticeError: no text is new, one is not fit, or the moment is past or too far away.
    """
    if at is not None and not now - AGO <= at <= now + AHEAD:
        raise NoticeError(f"the day must be within the next {AHEAD.days} days")
    made = []
    for language, text in texts.items():
        newest = _newest(session, kind, language)
        if newest is not None and newest.text_hash == text_hash(checked(kind, text)):
            continue
        made.append(publish(session, kind, language, text, staff_id, max(at or now, now)))
    if not made:
        raise NoticeError("no text differs from its newest version")
    return made


def told(made: Sequence[NoticeText]) -> dict[str, Any]:
    """What the log of acts says of versions that were published together."""
    first = made[0]
    return {
        "kind": str(first.kind),
        "languages": [one.language for one in made],
        "before": [one.version - 1 for one in made],
        "after": [one.version for one in made],
        "from": first.published_at.isoformat(),
    }


def newest_text(session: Session, kind: NoticeKind, language: str) -> str:
    """The text of the newest version, also of one that is shown from a later day on."""
    found = _newest(session, kind, language)
    return "" if found is None else found.text


def by_hash(session: Session, hashed: str) -> NoticeText | None:
    """The first version that had this text."""
    return session.scalar(
        select(NoticeText)
        .where(NoticeText.text_hash == hashed)
        .order_by(NoticeText.published_at, NoticeText.id)
        .limit(1)
    )


def notice_version(session: Session, language: str) -> int:
    """The version of the privacy notice that is linked beside every box to tick."""
    return current(session, NoticeKind.NOTICE, language).version


def _newest(session: Session, kind: NoticeKind, language: str) -> NoticeText | None:
    newest = select(func.max(NoticeText.version)).where(
        NoticeText.kind == kind, NoticeText.language == language
    )
    version = session.scalar(newest)
    return None if version is None else one_version(session, kind, language, version)


def _shown(session: Session, kind: NoticeKind, language: str) -> NoticeText | None:
    return session.scalar(
        select(NoticeText)
        .where(NoticeText.kind == kind, NoticeText.language == language)
        .where(NoticeText.published_at <= utcnow())
        .order_by(NoticeText.version.desc())
        .limit(1)
    )


def _version(
    kind: NoticeKind, language: str, newest: NoticeText | None, text: str, staff_id: int | None
) -> NoticeText:
    return NoticeText(
        kind=kind,
        language=language,
        version=1 if newest is None else newest.version + 1,
        text=text,
        text_hash=text_hash(text),
        published_by=staff_id,
    )


def _shipped(kind: NoticeKind, language: str) -> str:
    if kind is not NoticeKind.NOTICE:
        return _SENTENCES[kind, language]
    path = Path(service.__file__).parent / "templates" / "citizen" / f"privacy_{language}.html"
    return checked(kind, _COMMENT.sub("", path.read_text(encoding="utf-8")))


def checked(kind: NoticeKind, text: str) -> str:
    """The text as it is stored: a notice cleaned of what no page should carry.

    Raises:
        NoticeError: it is not fit for its kind.
    """
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise NoticeError("the text is empty")
    if kind is NoticeKind.NOTICE:
        if len(text) > MAX_NOTICE:
            raise NoticeError(f"a notice has at most {MAX_NOTICE:,} characters")
        if "<" not in text:  # plain paragraphs, parted by empty lines
            parts = (nh3.clean_text(part).replace("&#32;", " ") for part in text.split("\n\n"))
            text = "\n".join(f"<p>{part.strip()}</p>" for part in parts)
        return _CLEANER.clean(text)
    if "\n" in text or "<" in text or len(text) > MAX_SENTENCE:
        raise NoticeError(f"this text is one plain sentence of at most {MAX_SENTENCE} characters")
    if (kind is NoticeKind.ABROAD) != (PROVIDER in text):
        raise NoticeError(f"{PROVIDER} must stand in the text of “abroad”, and nowhere else")
    return text
