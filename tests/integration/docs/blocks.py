"""The commands of README and docs: fenced `sh` blocks, each run or with the reason why not.

A block that cannot run here has, in the line above its fence, `<!-- not run: the reason -->`; a
reader of the page does not see it. Whatever is not marked is run, in the test's own process, so it
holds nothing but plain commands of `tellal`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(
    r"(?:^[ ]*<!-- not run: (?P<reason>[^\n]+?) -->\n)?"
    r"^(?P<indent>[ ]*)```(?:sh|bash|shell|console)\n(?P<code>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
FENCE = re.compile(r"^[ ]*```(\S*)")
SHELLS = ("sh", "bash", "shell", "console")
COMMAND = re.compile(
    r"(?:\$ )?(?:sudo )?(?:(?:\.?[\w./-]*/)?(?:tellal|pip|pytest|python3?)|docker|systemctl"
    r"|journalctl|curl|wget|make|git|apt(?:-get)?|psql|createdb|redis-cli|certbot|export) "
)


@dataclass(frozen=True)
class Block:
    """One block of a document. `reason`: why it is not run; empty: it is."""

    document: str
    line: int
    code: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.document}:{self.line}"

    def commands(self) -> list[tuple[list[str], str]]:
        """The words of each command, and the file that takes what it says: `tellal … > file`."""
        found = []
        for line in self.code.replace("\\\n", " ").splitlines():
            for part in line.split("&&"):
                words = shlex.split(part, comments=True)
                target = words[-1] if len(words) > 2 and words[-2] == ">" else ""
                if words:
                    found.append((words[:-2] if target else words, target))
        return found


def blocks_of(document: Path) -> Iterator[Block]:
    """The blocks of a document in their order."""
    text = document.read_text("utf-8")
    for found in BLOCK.finditer(text):
        indent = len(found["indent"])
        code = "\n".join(line[indent:] for line in found["code"].splitlines())
        line = text.count("\n", 0, found.start("code")) + 1
        name = document.relative_to(ROOT).as_posix()
        yield Block(name, line, code, found["reason"] or "")


def escaped(text: str) -> list[str]:
    """Commands at the beginning of an indented block, or in a fence that is none for a shell."""
    found, fence, before = [], None, ""
    for line in text.splitlines():
        if mark := FENCE.match(line):
            fence = mark[1] if fence is None else None
        elif COMMAND.match(line.strip()):
            is_indented = fence is None and line.startswith("    ") and not before.strip()
            if is_indented or (fence is not None and fence not in SHELLS):
                found.append(line.strip())
        before = line
    return found


ALL = [block for document in DOCUMENTS for block in blocks_of(document)]
