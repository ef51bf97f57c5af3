"""Lists that are made to keep a worker busy: each line is answered, shortly."""

from __future__ import annotations

import io
from typing import Any
from unittest.mock import Mock

import pytest

from service.subscriptions.import_rows import ImportRefused, RowReader, records

HEADER = "address,topics,places,frequency,language\n"


@pytest.fixture
def reader() -> RowReader:
    known = [(f"topic-{number}", number) for number in range(40)]
    session = Mock(**{"execute.return_value.all.return_value": known})
    vault: Any = Mock(**{"keyed_hash.return_value": "h"})
    return RowReader(session, vault)


@pytest.mark.parametrize(
    "cell", ["a;" * 60_000, "a;" * 400, "topic" * 20_000, ";" * 130_000, "topic-1;" * 10_000]
)
def test_a_cell_of_many_names_gives_few_short_errors(reader: RowReader, cell: str) -> None:
    text = f"{HEADER}ayse@example.com,{cell},{cell},{cell},{cell}\n"
    for line, record in records(io.StringIO(text, newline="")):
        reader.row(line, record)

    assert 0 < len(reader.errors) <= 12
    assert all(len(error.text) < 500 for error in reader.errors)


@pytest.mark.parametrize(
    "text",
    [
        ",".join("a" * 100_000) + "\n",
        HEADER + '"' + "x\n" * 200_000,
        "\x00\x01\x02" * 1_000 + "\n",
        "address,address,places,frequency,language\n",
    ],
)
def test_what_is_no_list_is_refused_at_its_line(text: str) -> None:
    with pytest.raises(ImportRefused) as refused:
        list(records(io.StringIO(text, newline="")))
    assert len(refused.value.errors) == 1


def test_a_line_of_a_hundred_thousand_columns_is_one_error(reader: RowReader) -> None:
    for line, record in records(io.StringIO(HEADER + "," * 100_000, newline="")):
        assert reader.row(line, record) is None
    assert len(reader.errors) == 1
