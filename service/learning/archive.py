"""The archive: old articles to learn from. It is read, never told."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import select
from sqlalchemy.orm import Session

from service.classify import ArticleText
from service.db import Database
from service.models import ArchiveText, Article, Revision, RevisionState

STEP = 500  # rows a transaction: a million must not hold a lock for minutes


class ArchiveItem(BaseModel):
    """One line of an archive file; topics are slugs that its editors gave, if they did."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    title: Annotated[str, Field(max_length=1000)] = ""
    summary: Annotated[str, Field(max_length=10_000)] = ""
    body: Annotated[str, Field(max_length=200_000)] = ""
    topics: list[str] | None = None
    published_at: datetime | None = None

    @model_validator(mode="after")
    def _has_text(self) -> ArchiveItem:
        if not (self.title or self.summary or self.body):
            raise ValueError("has no text; give title, summary or body")
        return self


class ArchiveRefused(Exception):
    """The file has mistakes; each is named with its line. Nothing was imported."""

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__(f"{len(errors)} lines cannot be imported")
        self.errors = tuple(errors)


@dataclass(frozen=True)
class Imported:
    """How many rows were added, and how many were there already."""

    added: int
    known: int


def read_archive(lines: Iterable[str], topics: frozenset[str]) -> list[ArchiveItem]:
    """Check every line of an archive file (JSON, one object a line).

    Raises:
        ArchiveRefused: some lines are wrong.
    """
    items: dict[str, ArchiveItem] = {}
    errors: list[str] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = ArchiveItem.model_validate(_object(line))
        except ValidationError as error:
            errors += [f"line {number}: {_reason(dict(e))}" for e in error.errors()]
            continue
        except ValueError as error:
            errors.append(f"line {number}: {error}")
            continue
        unknown = sorted(set(item.topics or ()) - topics)
        errors += [f"line {number}: there is no topic {slug!r}" for slug in unknown]
        items[item.id] = item
    if errors:
        raise ArchiveRefused(errors)
    return list(items.values())


def import_archive(
    db: Database, items: Sequence[ArchiveItem], now: datetime, on_progress: Callable[[int], None]
) -> Imported:
    """Store what is not there yet, in steps; a second run of the same file adds nothing."""
    added = 0
    for start in range(0, len(items), STEP):
        step = items[start : start + STEP]
        with db.write() as session:
            known = set(
                session.scalars(
                    select(ArchiveText.external_id).where(
                        ArchiveText.external_id.in_([item.id for item in step])
                    )
                )
            )
            fresh = [item for item in step if item.id not in known]
            session.add_all(_row(item, now) for item in fresh)
        added += len(fresh)
        on_progress(start + len(step))
    return Imported(added, len(items) - added)


def past_texts(session: Session) -> Iterator[tuple[str, ArticleText]]:
    """Every classified article (`article 7`) and archived text (`archive x`), oldest first."""
    articles = session.execute(
        select(
            *(Article.id, Revision.title, Revision.summary),
            *(Revision.body_text, Revision.sections, Revision.is_sound),
        )
        .join(Revision, Revision.id == Article.shown_revision_id)
        .where(Revision.state == RevisionState.CLASSIFIED)
        .order_by(Article.id)
        .execution_options(yield_per=STEP)
    )
    for article_id, title, summary, body, sections, is_sound in articles:
        yield f"article {article_id}", ArticleText(title, summary, body, tuple(sections), is_sound)
    archived = session.execute(
        select(
            *(ArchiveText.external_id, ArchiveText.title),
            *(ArchiveText.summary, ArchiveText.body_text),
        )
        .order_by(ArchiveText.id)
        .execution_options(yield_per=STEP)
    )
    for external_id, title, summary, body in archived:
        yield f"archive {external_id}", ArticleText(title, summary, body)


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("is not JSON") from error
    if not isinstance(found, dict):
        raise ValueError("must be an object with id, title, summary and body")
    if any("\0" in value for value in found.values() if isinstance(value, str)):
        raise ValueError("holds a NUL character")
    return found


def _reason(error: dict[str, Any]) -> str:
    field = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    return f"{field}: {message}" if field else message


def _row(item: ArchiveItem, now: datetime) -> ArchiveText:
    published = item.published_at
    return ArchiveText(
        external_id=item.id,
        title=item.title,
        summary=item.summary,
        body_text=item.body,
        topics=item.topics,
        published_at=published
        if published is None or published.tzinfo
        else published.replace(tzinfo=UTC),
        imported_at=now,
    )
