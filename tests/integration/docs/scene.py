"""The city that the documents speak of: their articles, channels and files."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import update

from service.db import utcnow
from service.ledger.suppressions import suppress
from service.models import (
    Article,
    Channel,
    LabelOrigin,
    LabelState,
    Notification,
    NotificationState,
    Revision,
    RevisionState,
    Staff,
    StoryLink,
    SuppressionReason,
    TopicLabel,
)
from service.runtime import Runtime
from tests.integration.docs.blocks import ROOT
from tests.integration.town import Town

STAFF = "you@example.org"
NUMBERED = 10  # articles, from 1 on
WHY = ROOT / "service/templates/mail/why.html"
FILES = {
    "directus-token.txt": "a-token\n",
    "why.html": WHY.read_text("utf-8").replace("strong>", "b>"),
    "archive.jsonl": '{"id": "1", "title": "Otobüs seferleri arttı", "published_at": '
    '"2024-05-06T10:00:00+03:00", "topics": ["ulasim"]}\n',
}


def answers(words: list[str]) -> str:
    """What is typed where a command asks: a password twice, or yes."""
    return "a long password\n" * 2 if words[1:3] == ["staff", "add"] else "y\n" * 3


def prepare(runtime: Runtime, folder: Path, commands: str) -> None:
    """Make it. Where the commands add the account of the staff themselves, it is left to them."""
    town = Town(runtime)
    for name, text in FILES.items():
        (folder / name).write_text(text, "utf-8")
    if f"staff add {STAFF}" not in commands:
        with runtime.db.write() as session:
            session.add(Staff(email=STAFF, fs_uniquifier=STAFF))
    town.reader(None)
    if "channel add" not in commands and ' "Konak"' in commands:
        _name_channel(town, "Konak")
    if "suppressions lift" in commands:
        _suppress(town, "ayse@example.com")
    story = None
    for number in range(1, NUMBERED + 1):
        town.article(story_id=story if number == 10 else None)
        if number == 7:
            story = town.get(Article, 7).story_id
    _ask_about(town, 7, "ulasim", "spor")
    _ask_about(town, 8, "spor")
    with runtime.db.write() as session:
        session.add(StoryLink(article_id=10, earlier_id=7))
        session.execute(
            update(Revision).where(Revision.article_id == 9).values(state=RevisionState.QUARANTINED)
        )
    if "article hold 7" not in commands:
        town.planned(7)
        return
    held = town.notification(7, state=NotificationState.HELD)
    due = {"release_at": utcnow() + timedelta(hours=1), "released_at": None}
    with runtime.db.write() as session:
        session.execute(update(Notification).where(Notification.id == held).values(due))


def _name_channel(town: Town, name: str) -> None:
    town.channel("discord://1/a")
    with town.runtime.db.write() as session:
        session.execute(update(Channel).values(name=name))


def _suppress(town: Town, address: str) -> None:
    hashed = town.runtime.vault.keyed_hash("address", f"email:{address}")
    with town.runtime.db.write() as session:
        suppress(session, SuppressionReason.HARD, {hashed: "550 5.1.1"}, utcnow())


def _ask_about(town: Town, article_id: int, *topics: str) -> None:
    """Let the review ask whether an article is about these."""
    revision_id = town.get(Article, article_id).shown_revision_id
    with town.runtime.db.write() as session:
        session.add_all(
            TopicLabel(
                revision_id=revision_id,
                topic_id=town.topic(topic),
                state=LabelState.REVIEW,
                origin=LabelOrigin.CLASSIFIER,
                score=0.5,
                evidence=[],
            )
            for topic in topics
        )
