"""Previews of chat messages: the very text that a service is sent, before anybody gets it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from service.messages.chat import ChatMessage, Written, about, channel_test, listed
from service.messages.chat_paper import TEMPLATES, ChatPaper
from service.messages.chat_services import chat_services
from service.messages.stationery import TemplateError
from service.messages.story import Name, Story
from service.messages.wording import WORDS, words

KINDS = ("new", "correction", "withdrawal")
_NOTES = {"correction": "Saat düzeltildi.", "withdrawal": "Yanlışlıkla yayımlandı."}
_SAMPLE = Story(
    article_id=0,
    revision_id=0,
    url="https://city.example/news/1",
    title="Kıyıda bisiklet yolu açıldı",
    summary="Yeni yol sahil boyunca 4 kilometre uzanıyor. Ayrıntılar: https://city.example/yol",
    body_html="",
    body_text="",
    language="tr",
    topics=(Name(1, "ulasim", "Ulaşım", "Transport"),),
    places=(Name(1, "konak", "Konak", "Konak"),),
    terms={},
    published_at=datetime(2026, 1, 2, 9, 0, tzinfo=UTC),
    image_url="https://city.example/yol.jpg",
)
_BARE = replace(_SAMPLE, summary="", topics=(), places=(), image_url="")


@dataclass(frozen=True)
class Shown:
    """A message as a service would be sent it now. `size` of `longest` in `unit`, as the service
    counts; `problem` says in a sentence what is wrong with the operator's template, if anything:
    the program's own is used then."""

    written: Written
    size: int
    longest: int
    unit: str
    problem: str = ""


def sample(kind: str = "new") -> Story:
    """A made-up article, where there is none yet to show."""
    return replace(_SAMPLE, kind=kind, note=_NOTES.get(kind, ""))


def preview(story: Story, scheme: str, language: str, config_dir: Path) -> Shown:
    """What a channel of this scheme (or service, by its name) would be sent about a story."""
    paper = ChatPaper(config_dir)
    message = about(story, language, paper)
    dialect, longest = paper.rules(scheme)
    written = message.written(scheme)
    size = dialect.size(written.text)
    return Shown(written, size, longest, dialect.unit, _problem(paper, message, scheme))


def problems(config_dir: Path) -> Iterator[str]:
    """What is wrong with the templates of `config/chat`, in sentences: every kind of message is
    tried in both languages for every service."""
    shipped = {path.name for path in TEMPLATES.iterdir()}
    known = {name for name, _ in chat_services(config_dir).values()}
    folder = config_dir / "chat"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name, *of, suffix = path.name.split(".")
        if path.name == "README.md":
            continue
        if f"{name}.{suffix}" not in shipped or len(of) > 1 or not known.issuperset(of):
            yield f"chat/{path.name}: no chat message uses a template of this name"
    paper = ChatPaper(config_dir)
    found: dict[str, None] = {}
    for language in WORDS:
        for message in _trials(language, paper):
            for service in sorted(known):
                found[_problem(paper, message, service)] = None
    yield from filter(None, found)


def _trials(language: str, paper: ChatPaper) -> Iterator[ChatMessage]:
    for told in (_SAMPLE, _BARE):
        for kind in KINDS:
            yield about(replace(told, kind=kind, note="?"), language, paper)
    yield listed(words(language)["summary_heading"], [_SAMPLE, _BARE], "", language, paper)
    yield channel_test(language, paper)


def _problem(paper: ChatPaper, message: ChatMessage, service: str) -> str:
    dialect, longest = paper.rules(service)
    if message.content is None:
        return ""
    try:
        paper.draft(message.content, dialect, longest)
    except TemplateError as error:
        return str(error)
    return ""
