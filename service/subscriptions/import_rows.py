"""Reading the rows of an import: every mistake of a file is found before anything is stored."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.bounces import strip_addresses
from service.crypto import Vault
from service.models import Frequency, Place, Topic
from service.subscriptions.addresses import AddressError, address_hash, normalise_email
from service.subscriptions.choices import Choices

COLUMNS = ("address", "topics", "places", "frequency", "language")
LANGUAGES = ("tr", "en")
PROGRESS_ROWS = 500
MOST_LISTED = 500  # topics or places of one row
NAMED_WRONG = 5  # of those of one row: to find the nearest of a name takes a while
MOST_SHOWN = 64  # characters of what is wrong

Progress = Callable[[str, int], None]
Record = tuple[int, dict[str, Any]]  # the number of its (last) line, and its fields by column


def records(lines: Iterable[str]) -> Iterator[Record]:
    """The records of a file, one after another.

    Raises:
        ImportRefused: the columns are others, or it is no CSV from a line on.
    """
    reader = csv.DictReader(lines, restkey="", strict=True)
    try:
        _check_header(reader.fieldnames or ())
        for record in reader:
            yield reader.line_num, record
    except csv.Error as error:
        wrong = RowError(reader.line_num, f"not readable as CSV: {error}")
        raise ImportRefused([wrong]) from error


@dataclass(frozen=True)
class RowError:
    """What is wrong in a line, and how to mend it. The text repeats no address."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class ImportRefused(Exception):
    """Rows are wrong, so nothing was stored; `errors` names all of them."""

    def __init__(self, errors: list[RowError]) -> None:
        super().__init__(f"{len(errors)} errors, the first in {errors[0]}")
        self.errors = errors


@dataclass(frozen=True)
class Row:
    """One line that is right. Its address is normalised, its topics and places exist."""

    address: str
    hashed: str
    choices: Choices
    language: str


class RowReader:
    """Turns records into rows, and collects everything that is wrong with them in `errors`."""

    def __init__(self, session: Session, vault: Vault) -> None:
        self._vault = vault
        self._topics = dict(session.execute(select(Topic.slug, Topic.id)).all())
        self._places = dict(session.execute(select(Place.slug, Place.id)).all())
        self._choices: dict[tuple[str, str, str], Choices] = {}  # most rows share a few
        self.errors: list[RowError] = []

    def read(self, lines: Iterable[str], on_progress: Progress) -> list[Row]:
        """All rows.

        Raises:
            ImportRefused: some are wrong.
        """
        rows: list[Row] = []
        try:
            for number, (line, record) in enumerate(records(lines), start=1):
                row = self.row(line, record)
                if row is not None:
                    rows.append(row)
                if number % PROGRESS_ROWS == 0:
                    on_progress("checked", number)
        except ImportRefused as refused:
            raise ImportRefused([*self.errors, *refused.errors]) from refused
        if self.errors:
            raise ImportRefused(self.errors)
        on_progress("checked", len(rows))
        return rows

    def row(self, line: int, record: dict[str, Any]) -> Row | None:
        """A row, or None where something is wrong with it."""
        if "" in record or None in record.values():
            text = f"must have {len(COLUMNS)} columns; put a field with a comma between quotes"
            self._wrong(line, text)
            return None
        count = len(self.errors)
        address = self._address(line, record["address"])
        choices = self._choice(line, record["topics"], record["places"], record["frequency"])
        language = record["language"].strip() or LANGUAGES[0]
        if language not in LANGUAGES:
            self._wrong(
                line, f"language {language[:MOST_SHOWN]!r} must be {' or '.join(LANGUAGES)}"
            )
        if len(self.errors) > count:
            return None
        return Row(address, address_hash(self._vault, "email", address), choices, language)

    def _address(self, line: int, text: str) -> str:
        try:
            return normalise_email(text)
        except AddressError as error:
            self._wrong(line, f"address: {error}")
            return ""

    def _choice(self, line: int, topics: str, places: str, frequency: str) -> Choices:
        key = topics, places, frequency
        if key not in self._choices:
            count = len(self.errors)
            choices = Choices(
                self._ids(line, "topic", self._topics, topics),
                self._ids(line, "place", self._places, places),
                self._frequency(line, frequency.strip()),
            )
            if len(self.errors) > count:
                return choices  # not remembered: the next line with the mistake is named too
            self._choices[key] = choices
        return self._choices[key]

    def _ids(
        self, line: int, noun: str, known: dict[str, int], listed: str
    ) -> tuple[int, ...] | None:
        slugs = [slug for part in listed.split(";") if (slug := part.strip())]
        if len(slugs) > MOST_LISTED:
            self._wrong(line, f"names {len(slugs)} {noun}s; {MOST_LISTED} at most")
            return None
        wrong = [slug[:MOST_SHOWN] for slug in slugs if slug not in known]
        for slug in wrong[:NAMED_WRONG]:
            nearest = ", ".join(difflib.get_close_matches(slug, known, n=3, cutoff=0.0))
            self._wrong(line, f"there is no {noun} {slug!r}; the nearest are {nearest}")
        ids = tuple(sorted({known[slug] for slug in slugs if slug in known}))
        return ids if slugs else None

    def _frequency(self, line: int, text: str) -> Frequency:
        try:
            return Frequency(text or Frequency.INSTANT)
        except ValueError:
            words = ", ".join(Frequency)
            self._wrong(line, f"frequency {text[:MOST_SHOWN]!r} must be one of {words}")
            return Frequency.INSTANT

    def _wrong(self, line: int, text: str) -> None:
        """Columns that were mixed up may have an address anywhere."""
        self.errors.append(RowError(line, strip_addresses(text)))


def _check_header(names: Iterable[str]) -> None:
    if sorted(names) != sorted(COLUMNS):
        expected = ",".join(COLUMNS)
        raise ImportRefused(
            [RowError(1, f"must name the columns, separated by commas: {expected}")]
        )
