"""The private Redis: found, configured for its owner only, and helped over a damaged file."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from service.cli import redis_server
from service.cli.refusal import Refusal


def test_a_binary_that_does_not_run_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shim = tmp_path / "redis-server"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert redis_server.find_server() != str(shim)


def test_no_server_at_all_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Refusal, match="apt install redis-server"):
        redis_server.find_server()


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="too long for a socket"):
        redis_server.program(tmp_path / ("x" * 100) / "redis.sock", stage=3)


def test_its_folder_is_closed_and_its_file_has_no_port(tmp_path: Path) -> None:
    redis_server.program(tmp_path / 'a "b' / "redis.sock", stage=3)
    folder = tmp_path / 'a "b'
    assert folder.stat().st_mode & 0o777 == 0o700
    lines = (folder / "redis.conf").read_text().splitlines()
    assert {"port 0", "appendonly yes", "appendfsync everysec"} <= set(lines)
    assert "maxmemory-policy noeviction" in lines
    assert f'dir "{tmp_path}/a \\"b"' in lines


def test_a_file_that_keeps_it_from_starting_is_put_aside(tmp_path: Path) -> None:
    program = redis_server.program(tmp_path / "redis.sock", stage=3)
    (tmp_path / "appendonly.aof").write_text("damaged")
    assert program.before_start is not None
    program.before_start(redis_server.BAD_STARTS - 1)
    assert (tmp_path / "appendonly.aof").exists()
    program.before_start(redis_server.BAD_STARTS)
    assert not (tmp_path / "appendonly.aof").exists()
    assert len(list(tmp_path.glob("appendonly.aof.*"))) == 1
