"""Every command of README and docs runs as it stands there, or says why it cannot here."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.runtime import Runtime
from service.settings import load
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY
from tests.integration.docs.blocks import ALL, DOCUMENTS, ROOT, Block, escaped
from tests.integration.docs.scene import answers, prepare

RUN = [block for block in ALL if not block.reason]
LEFT = [block for block in ALL if block.reason]


@pytest.fixture
def city(
    tmp_path: Path, sqlite_template: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[Block]], None]:
    """A folder with the city's files, its database, and what the blocks speak of; the command line
    works there."""
    (tmp_path / "var").mkdir()
    shutil.copy(sqlite_template, tmp_path / "var" / "tellal.db")
    (tmp_path / "config").symlink_to(ROOT / "config")
    values = {
        "VAR_DIR": str(tmp_path / "var"),
        "REDIS_URL": redis_url,
        "SECRET_KEY": SECRET_KEY,
        "ENCRYPTION_KEY": ENCRYPTION_KEY,
        "LOG_LEVEL": "ERROR",
    }
    for name, text in values.items():
        monkeypatch.setenv(f"TELLAL_{name}", text)
    monkeypatch.chdir(tmp_path)

    def prepared(blocks: list[Block]) -> None:
        runtime = Runtime.start(load())
        prepare(runtime, tmp_path, "\n".join(block.code for block in blocks))
        runtime.close()

    return prepared


def test_there_are_commands_and_most_of_them_run() -> None:
    elsewhere = [block for block in LEFT if block.document == "docs/install.md"]  # on a server
    assert len(RUN) + len(elsewhere) > len(LEFT) > 0


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_command_stands_outside_of_a_block_for_a_shell(document: Path) -> None:
    """An indented block, or a fence of another kind, would be seen by nobody here."""
    assert escaped(document.read_text("utf-8")) == []


def test_a_command_that_escapes_is_seen() -> None:
    page = "Then:\n\n    .venv/bin/tellal up\n\n```\ncurl https://example.org\n```\n"
    assert escaped(page) == [".venv/bin/tellal up", "curl https://example.org"]
    assert escaped("```sh\ntellal up\n    tellal up\n```\n- one\n  `tellal up`\n") == []


@pytest.mark.parametrize("block", LEFT, ids=lambda block: block.name)
def test_a_block_that_is_not_run_says_why(block: Block, say: Callable[[str], None]) -> None:
    say(f"not run: {block.name}: {block.reason}")
    assert block.reason.split()[0] in ("needs", "starts", "takes", "changes")


@pytest.mark.parametrize("document", sorted({block.document for block in RUN}))
def test_the_commands_of_a_document_run_in_their_order(document: str, city) -> None:
    blocks = [block for block in RUN if block.document == document]
    commands = [(block, command) for block in blocks for command in block.commands()]
    for block, (words, _) in commands:
        mark = f"{block.name}: mark it by <!-- not run: why --> or leave tellal alone"
        assert words[0] in ("tellal", ".venv/bin/tellal"), mark
    city(blocks)
    for block, (words, target) in commands:
        done = CliRunner().invoke(cli, words[1:], input=answers(words))
        assert done.exit_code == 0, f"{block.name}\n{' '.join(words)}\n{done.output}"
        if target:
            Path(target).write_text(done.stdout, "utf-8")
