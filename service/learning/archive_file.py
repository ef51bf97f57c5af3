"""The file of an archive: one JSON object a line, read line by line and never held as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

MAX_LINE = 2 * 1024 * 1024  # bytes; the longest body, each letter escaped, has 1.2 million
KEPT_REASONS = 50
_BOM = b"\xef\xbb\xbf"


class ArchiveItem(BaseModel):
    """One line of an archive file; topics are slugs that its editors gave, if they did."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    title: Annotated[str, Field(max_length=1000)] = ""
    summary: Annotated[str, Field(max_length=10_000)] = ""
    body: Annotated[str, Field(max_length=200_000)] = ""
    topics: list[str] | None = None
    published_at: datetime | None = None

    @field_validator("published_at")
    @classmethod
    def _in_utc(cls, value: datetime | None) -> datetime | None:
        if value is None or value.tzinfo is None:
            return value and value.replace(tzinfo=UTC)
        try:
            return value.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("is before the year 1 or after 9999 in UTC") from error

    @model_validator(mode="after")
    def _has_text(self) -> ArchiveItem:
        if not (self.title or self.summary or self.body):
            raise ValueError("has no text; give title, summary or body")
        return self


class ArchiveRefused(Exception):
    """The file has mistakes; the first are named with their lines. Nothing was imported."""

    def __init__(self, reasons: list[str], lines: int) -> None:
        super().__init__(f"{lines} lines cannot be imported")
        self.reasons = tuple(reasons)


class ArchiveFile:
    """A file to be read twice: first checked as a whole, then stored item by item."""

    def __init__(self, path: Path, topics: frozenset[str]) -> None:
        self._path, self._topics = path, topics

    def check(self) -> int:
        """Look at every line, and return how many items there are.

        Raises:
            ArchiveRefused: some lines are wrong.
        """
        count, wrong = 0, 0
        reasons: list[str] = []
        for number, line in self._lines():
            found = self._item(line)
            if isinstance(found, ArchiveItem):
                count += 1
                continue
            wrong += 1
            reasons += [f"line {number}: {reason}" for reason in found]
            del reasons[KEPT_REASONS:]
        if wrong:
            raise ArchiveRefused(reasons, wrong)
        return count

    def items(self) -> Iterator[ArchiveItem]:
        """The items of a file that was checked.

        Raises:
            ArchiveRefused: a line is wrong by now.
        """
        for number, line in self._lines():
            found = self._item(line)
            if not isinstance(found, ArchiveItem):
                raise ArchiveRefused([f"line {number}: {reason}" for reason in found], 1)
            yield found

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Lines that hold something; of one that is too long, its beginning."""
        with self._path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE + 1):
                number += 1
                end = line
                while len(end) > MAX_LINE and not end.endswith(b"\n"):
                    end = file.readline(MAX_LINE + 1)
                if number == 1:
                    line = line.removeprefix(_BOM)
                if line.strip():
                    yield number, line

    def _item(self, line: bytes) -> ArchiveItem | list[str]:
        """What a line says, or what is wrong with it."""
        try:
            item = ArchiveItem.model_validate(_object(line))
        except ValidationError as error:
            return [_reason(dict(one)) for one in error.errors()]
        except ValueError as error:
            return [str(error)]
        unknown = sorted(set(item.topics or ()) - self._topics)
        return [f"there is no topic {slug!r}" for slug in unknown] or item


def _object(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise ValueError(f"is longer than {MAX_LINE // 1024**2} MB")
    try:
        found = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
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
