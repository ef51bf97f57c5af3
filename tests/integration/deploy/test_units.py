"""The systemd units by systemd's own judgement, without a running one."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.cli import processes

UNITS = Path(__file__).parents[3] / "config" / "systemd"
WORST = 2.0  # of systemd's exposure, where 10 is a service that may do everything


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """A copy whose program exists, with an instance for each process."""
    program = tmp_path / "tellal"
    program.symlink_to("/bin/true")
    for path in (path for pattern in ("*.service", "*.target") for path in UNITS.glob(pattern)):
        text = path.read_text().replace("/opt/tellal/venv/bin/tellal", str(program))
        names = [f"tellal@{name}.service" for name in processes.names()]
        for name in names if path.name == "tellal@.service" else [path.name]:
            (tmp_path / name).write_text(text)
    return tmp_path


def analyzed(*words: str) -> subprocess.CompletedProcess[str]:
    analyze = shutil.which("systemd-analyze")
    assert analyze, "systemd-analyze is not here: apt install systemd"
    return subprocess.run([analyze, *words], capture_output=True, text=True, check=False)


def test_systemd_finds_nothing_wrong(units: Path) -> None:
    found = sorted(str(path) for path in units.iterdir() if path.suffix in (".service", ".target"))
    done = analyzed("verify", "--man=no", *found)
    complaints = [
        line for line in done.stderr.splitlines() if str(units) in line or "tellal" in line
    ]
    assert complaints == []
    assert len(found) == len(processes.names()) + 2


@pytest.mark.parametrize("name", ["tellal@web.service", "tellal-migrate.service"])
def test_what_a_process_may_do_is_little(units: Path, name: str) -> None:
    done = analyzed("security", "--offline=true", "--no-pager", str(units / name))
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert score, done.stdout + done.stderr
    assert float(score[1]) <= WORST


def test_a_misspelt_line_is_found(units: Path) -> None:
    """So that finding nothing wrong means something."""
    path = units / "tellal@web.service"
    path.write_text(path.read_text().replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"))
    assert "NoNewPrivilege" in analyzed("verify", "--man=no", str(path)).stderr
