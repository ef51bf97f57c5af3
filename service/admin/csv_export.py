"""CSV files for staff: streamed, and harmless to whoever opens them in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flask import Response, stream_with_context

# A cell that begins so would be read as a formula, which can send what is beside it elsewhere.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_STEP = 32 * 1024  # characters of one chunk


def csv_response(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """A download of these rows; `name` without `.csv`. Rows are read as they are sent."""
    response = Response(stream_with_context(_chunks(header, rows)), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def csv_lines(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of the file, the header first (RFC 4180)."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow([disarmed(cell) for cell in header])
    for row in rows:
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
        writer.writerow([disarmed(cell) for cell in row])
    yield buffer.getvalue()


def disarmed(cell: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: an apostrophe goes before one. Numbers stay
    numbers."""
    if cell is None or isinstance(cell, int | float):
        return cell
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _chunks(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The file in pieces; the mark at its start tells spreadsheets that it is UTF-8."""
    pieces, size = ["\ufeff"], 0
    for line in csv_lines(header, rows):
        pieces.append(line)
        size += len(line)
        if size > _STEP:
            yield "".join(pieces).encode("utf-8", "replace")
            pieces, size = [], 0
    yield "".join(pieces).encode("utf-8", "replace")
