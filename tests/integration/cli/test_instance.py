"""One instance a folder, and the orphans of a killed one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from service.cli import instance
from service.cli.instance import Instance
from service.cli.refusal import Refusal


def test_a_second_instance_is_refused_with_the_pid_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(instance, "DYING_S", 0.2)
    first = Instance(tmp_path)
    first.take(stopping_s=60)
    with pytest.raises(Refusal, match=r"already runs in .* \(pid \d+\)"):
        Instance(tmp_path).take(stopping_s=60)


def test_an_instance_that_is_stopping_is_waited_for(tmp_path: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from service.cli.instance import Instance\n"
        "i = Instance(Path(sys.argv[1])); i.take(0); i.is_stopping(); print('held', flush=True)\n"
        "time.sleep(0.5)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    Instance(tmp_path).take(stopping_s=10)
    process.communicate()


def test_a_lock_left_by_a_killed_instance_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "tellal.lock").write_text("4711 running\n")
    Instance(tmp_path).take(stopping_s=0)


def test_orphans_are_found_by_the_file_that_they_hold_and_killed(tmp_path: Path) -> None:
    mine = Instance(tmp_path)
    mine.take(stopping_s=0)
    orphan = subprocess.Popen(["sleep", "60"], pass_fds=[mine.marker])
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        # The parent must reap, or a killed child would look alive for ever.
        assert mine.end_orphans(patience_s=0.1) == 1
        assert orphan.wait(5) == -9
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
