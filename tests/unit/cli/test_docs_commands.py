"""Commands that the documents name exist, with the options that they show."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from service.cli import cli

ROOT = Path(__file__).parents[3]
DOCUMENTS = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
CODE = re.compile(r"```[a-z]*\n(.*?)```|`([^`\n]+)`", re.DOTALL)
COMMAND = re.compile(r"^\s*(?:\$ )?(?:\S*/)?((?:tellal|make) [^#|&;\n]*)", re.MULTILINE)


def commands() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        if document.exists():
            text = document.read_text(encoding="utf-8")
            for block, inline in CODE.findall(text):
                code = (block or inline).replace("\\\n", " ")
                for found in COMMAND.findall(code):
                    yield document.relative_to(ROOT).as_posix(), found.strip()


@pytest.mark.parametrize(("document", "command"), sorted(set(commands())))
def test_a_command_of_the_documents_exists(document: str, command: str) -> None:
    words = shlex.split(command.replace("…", "..."), posix=True)
    if words[0] == "make":
        check_targets([word for word in words[1:] if "=" not in word])
    else:
        check_command(words[1:])


def check_targets(targets: list[str]) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in targets:
        assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), f"make {target}"


def check_command(words: list[str]) -> None:
    found: click.Command = cli
    rest = list(words)
    while isinstance(found, click.Group) and rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        name = rest.pop(0)
        context = click.Context(found)
        child = found.get_command(context, name)
        assert child is not None, f"no command {name!r} in: tellal {' '.join(words)}"
        found = child
    known = {
        option
        for parameter in found.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in rest:
        if word.startswith("--"):
            assert word.partition("=")[0] in known | {"--help", "--version"}, word
