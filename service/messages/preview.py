"""Previews: the very bytes that a reader would get, for a reader who is nobody.

Their tokens are valid in form and of no effect: no destination has the number 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from functools import partial

from service.crypto import Vault
from service.messages.digest_preview import NOBODY, sample_digest
from service.messages.edition import Edition
from service.messages.email import SERVICE_LETTERS, Letterhead, Reader
from service.messages.letter import Letter
from service.messages.segments import SegmentError
from service.messages.stationery import Stationery, TemplateError
from service.messages.story import Name, Story
from service.messages.wording import WORDS
from service.models import Frequency
from service.settings import Settings

TRIAL = "mail_test"  # `tellal mail test`
KINDS = ("new", "correction", "withdrawal")
_AT = datetime(2026, 1, 2, 9, 0, tzinfo=UTC)
_SAMPLE = Story(
    article_id=0,
    revision_id=0,
    url="https://city.example/news/1",
    title="Kıyıda bisiklet yolu açıldı",
    summary="Yeni yol sahil boyunca 4 kilometre uzanıyor.",
    body_html="",
    body_text="",
    language="tr",
    topics=(Name(1, "sample", "Ulaşım", "Transport"),),
    places=(Name(1, "sample", "Konak", "Konak"),),
    terms={1: ("bisiklet yolu",)},
    published_at=_AT,
)
_BARE = replace(_SAMPLE, summary="", topics=(), places=(), terms={}, published_at=None, language="")


def preview(house: Letterhead, story: Story, language: str, at: datetime) -> Letter:
    """The letter about a story to somebody who asked for its first topic.

    Raises:
        TemplateError: a template cannot be used, and the house is strict.
    """
    topic_id = story.topics[0].id if story.topics else None
    reader = Reader(0, NOBODY, language, 0, topic_id, None, at)
    return Edition(house, story, 0, {}, at).letter(reader)


def service_preview(house: Letterhead, template: str, language: str, at: datetime) -> Letter:
    """One of the service's own letters; the token of its link is of no effect.

    Raises:
        TemplateError: a template cannot be used, and the house is strict.
    """
    reader = Reader(0, NOBODY, language, 0, None, None, at)
    return house.service(reader, 0, {"template": template, "token_id": 0}, at)


def problems(settings: Settings, vault: Vault, paper: Stationery | None = None) -> Iterator[str]:
    """What is wrong with the staff's own templates, in sentences; each kind of letter is tried."""
    house = Letterhead(settings, vault, paper, is_strict=True)
    for file in house.paper.strangers:
        yield f"{file}: no letter uses a template of this name"
    found: dict[str, None] = {}
    for language in WORDS:
        for write in _trials(house, language):
            try:
                write()
            except (TemplateError, SegmentError) as error:
                found[str(error)] = None
    yield from found


def _trials(house: Letterhead, language: str) -> Iterator[Callable[[], object]]:
    """Every kind of letter, and what an article may lack."""
    for sample in (_SAMPLE, _BARE):
        for kind in KINDS:
            story = replace(sample, kind=kind, note="" if kind == "new" else "Saat düzeltildi.")
            yield partial(preview, house, story, language, _AT)
        for frequency in Frequency:
            yield partial(sample_digest, house, frequency, language, sample, _AT)
    for template in (*SERVICE_LETTERS, TRIAL):
        yield partial(_with_link, house, template, language)


def _with_link(house: Letterhead, template: str, language: str) -> None:
    """A letter that brings a token is of no use to anybody without its link.

    Raises:
        TemplateError: it has none, or its template cannot be used.
    """
    purpose, path = SERVICE_LETTERS.get(template, ("", ""))
    link = house.page(path, language) if purpose else ""
    written = parts(service_preview(house, template, language, _AT))
    for suffix, part in zip((".txt", ".html"), written, strict=True):
        if link not in part:
            raise TemplateError(f"{template}{suffix}: {{{{ link }}}} is missing")


def sample_letter(house: Letterhead, name: str, language: str, kind: str) -> Letter:
    """A letter that shows a file such as `article.html`: about a made-up article, or one of the
    service's own.

    Raises:
        TemplateError: the template cannot be used, and the house is strict.
    """
    letter = name.partition(".")[0]
    if letter in SERVICE_LETTERS or letter == TRIAL:
        return service_preview(house, letter, language, _AT)
    if letter.startswith("digest"):
        frequency = Frequency.DAILY
        return sample_digest(house, frequency, language, _SAMPLE, _AT)
    story = replace(_SAMPLE, kind=kind, note="" if kind == "new" else "Saat düzeltildi.")
    return preview(house, story, language, _AT)


def parts(letter: Letter) -> tuple[str, str]:
    """The text and the HTML of a letter, as a mail program reads them."""
    text, html = message_from_bytes(letter.as_bytes(), policy=default).iter_parts()
    return text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")
