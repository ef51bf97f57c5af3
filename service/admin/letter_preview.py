"""How a draft of a template would look: about a made-up article or a real one, in every look."""

from __future__ import annotations

from dataclasses import dataclass

from flask import abort, request
from sqlalchemy.orm import Session

from service.db import utcnow
from service.messages import publishing, template_rules
from service.messages.digest_preview import newest, preview_digest
from service.messages.email import Letterhead
from service.messages.letter import Letter, LetterError
from service.messages.preview import KINDS, parts, preview, sample_letter
from service.messages.segments import SegmentError
from service.messages.stationery import TemplateError
from service.messages.story import tell
from service.messages.wording import WORDS
from service.models import Article, Frequency, Notification, NotificationKind
from service.pages import row_number
from service.runtime import Runtime

# As of the built-in mailbox: no script, no form, no request; only our own page may frame it.
SANDBOX = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"
)
SCHEMES = ("light", "dark")
_DARK = "@media (prefers-color-scheme: dark)"
_ABOUT_ARTICLES = ("article", "why", "layout", "_parts")


@dataclass(frozen=True)
class Look:
    """What the preview is about and how it is seen; `article` 0 is the made-up one."""

    language: str = "tr"
    scheme: str = "light"
    kind: str = "new"
    article: int = 0

    @classmethod
    def of_request(cls) -> Look:
        """As the address names it; what makes no sense is the usual look."""

        def one_of(name: str, choices: tuple[str, ...]) -> str:
            found = request.args.get(name, "")
            return found if found in choices else choices[0]

        number = request.args.get("article", 0, type=row_number)
        return cls(
            one_of("language", tuple(WORDS)),
            one_of("scheme", SCHEMES),
            one_of("kind", KINDS),
            number if 0 < number < 2**63 else 0,
        )


@dataclass(frozen=True)
class Shown:
    """A letter as a mail program reads it, or the sentence that says why there is none."""

    subject: str = ""
    text: str = ""
    html: str = ""
    size: int = 0
    problem: str = ""


def written(session: Session, held: Runtime, name: str, draft: str, look: Look) -> Shown:
    """The letter that shows a file of this draft."""
    if found := next(template_rules.refused(name, draft), None):
        return Shown(problem=found)  # nothing is written that may never end
    paper = publishing.drafted(session, held.settings, name, draft)
    house = Letterhead(held.settings, held.vault, paper, is_strict=True)
    try:
        letter = _letter(session, house, name, look)
    except (TemplateError, SegmentError, LetterError) as error:
        return Shown(problem=str(error))
    text, html = parts(letter)
    return Shown(letter.subject, text, html, len(letter.as_bytes()))


def in_scheme(html: str, scheme: str) -> str:
    """The page as a device in this scheme shows it, whatever the reader's own is."""
    return html.replace(_DARK, "@media all" if scheme == "dark" else "@media not all")


def _letter(session: Session, house: Letterhead, name: str, look: Look) -> Letter:
    letter = name.partition(".")[0]
    if look.article and letter.startswith("digest"):
        told = newest(session)
        if told.items:
            return preview_digest(session, house, told, Frequency.DAILY, look.language, utcnow())
    elif look.article and letter in _ABOUT_ARTICLES:
        article = session.get(Article, look.article)
        if article is None or article.shown_revision_id is None:
            abort(404)
        about = Notification(
            kind=NotificationKind(look.kind), article_id=article.id, payload={"note": ""}
        )
        return preview(house, tell(session, about), look.language, utcnow())
    return sample_letter(house, name, look.language, look.kind)
