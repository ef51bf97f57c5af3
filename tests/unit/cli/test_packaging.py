"""The files that developers start from: Makefile, CI, hooks."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_make_help_lists_what_a_person_needs() -> None:
    shown = subprocess.run(
        ["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for target in ("run", "test", "demo", "lint", "format", "lock"):
        assert f"make {target} " in shown


def test_make_asks_for_a_python_that_is_not_there(tmp_path: Path) -> None:
    """On a copy of the few files that it needs, with a PATH that has only an old Python."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("make", "sh", "cat", "sha256sum", "cmp", "test"):
        (tools / tool).symlink_to(Path("/usr/bin") / tool)
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    for name in ("Makefile", "pyproject.toml", "requirements-dev.lock"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    done = subprocess.run(
        ["make", "run"],
        cwd=tmp_path,
        env={"PATH": str(tools)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "no Python 3.11 or 3.12 found: apt install python3.11" in done.stderr


def test_ci_calls_exactly_the_command_of_developers() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    commands = [line for line in lines if line and not line.startswith("#")]
    assert commands[0] == "set -euo pipefail"
    assert commands[-1].startswith("make test")
    assert len(commands) == 3


def test_hooks_need_no_network() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    assert all(hook["language"] == "system" for hook in hooks["repos"][0]["hooks"])
