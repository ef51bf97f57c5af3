"""The table of docs/feeds-readers.md: what each reader made of each format."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import astuple, dataclass
from importlib.metadata import version
from pathlib import Path

FILE = Path(__file__).parents[4] / "docs" / "feeds-readers.md"
_COLUMNS = (
    "reader",
    "format",
    "new",
    "edit",
    "withdrawal",
    "published again",
    "unchanged",
    "delta",
)
_FORMATS = {"rss": "RSS 2.0", "atom": "Atom", "json": "JSON Feed"}
_TEXT = """\
# Readers

What real feed readers make of the feeds, as `tests/integration/feeds/readers` sees it: each of them
follows a combination of topics and districts on a running server while news comes, is edited, is
withdrawn and comes back. `make readers` writes this page; the tests fail where its table is not
true.

- **new**: how often the article is shown.
- **edit**: what becomes of an article under the same id with another title and text.
- **withdrawal**: RSS and JSON Feed have no tombstone, so the item says “Geri çekildi” under its old
  id; an Atom feed holds a tombstone (RFC 6721), which none of these readers knows: who keeps what
  it has read keeps its copy.
- **published again**: what it shows after that, under the same id and with the same text.
- **unchanged**: the answers to the second and the third poll when nothing has changed.
- **delta**: the answer to a change for a reader that knows the version before. 226 holds only what
  changed (RFC 3229).

{table}

Programs: {programs}.

## Peculiarities

- newsboat asks conditionally from its third poll on. It keeps an article once, in the feed that it
  read last, whatever feeds it is in: ids are the same in all feeds and formats. Of several
  `alternate` links in Atom it takes the last.
- reader stores an ETag only with a change that it shows. After a withdrawal in Atom, or when an
  article leaves a topic, it asks with the ETag before until something else changes.
- rss2email sends one mail for each article and tells no edit, unless `reply-changes` is set: then
  a change of the text is sent as a reply to the first mail. Of an entry in Atom it takes the
  summary, of an item in RSS the whole text. Any status but 200, 302, 304 and 307 is an error to it.
- feedparser keeps nothing: its caller stores `etag` and `modified`, and merges entries by their
  ids. It asks for deltas in the name of every caller; rss2email, which leaves the name to it
  (`User-Agent: feedparser/…`), would never get past a 226, so this name is sent whole feeds. The
  feedparser of the table has a name of its own. It reads no JSON Feed.
- curl is a script of somebody's: `--compressed --etag-save FILE --etag-compare FILE`.
"""


@dataclass(frozen=True)
class Row:
    """A reader and a format; all cells are what was seen."""

    reader: str
    format: str
    new: str
    edit: str
    withdrawal: str
    again: str
    unchanged: str
    delta: str

    def cells(self) -> list[str]:
        return [_FORMATS.get(one, one) for one in astuple(self)]


def lines(rows: list[Row]) -> list[str]:
    """The table in Markdown."""
    heads = [_COLUMNS, tuple("---" for _ in _COLUMNS)]
    return [f"| {' | '.join(cells)} |" for cells in (*heads, *(row.cells() for row in rows))]


def document(rows: list[Row]) -> str:
    """The whole page."""
    return _TEXT.format(table="\n".join(lines(rows)), programs=", ".join(_programs()))


def table_of(page: str) -> list[str]:
    """The table of a page, which is as good on a machine with other versions."""
    return [line for line in page.splitlines() if line.startswith("|")]


def _programs() -> list[str]:
    found = [f"{name} {version(name)}" for name in ("feedparser", "reader")]
    for name, command in (("newsboat", "newsboat"), ("rss2email", "r2e"), ("curl", "curl")):
        path = shutil.which(command) or command
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=True)
        number = re.search(r"\d+(\.\d+)+", said.stdout)
        found.append(f"{name} {number[0] if number else ''}")
    return found
