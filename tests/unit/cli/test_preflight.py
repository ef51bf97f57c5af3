"""What is looked at before a start: each problem is one clear line."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from service.cli import preflight
from service.cli.refusal import Refusal
from service.settings import load, make_keys


def test_an_old_python_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.sys, "version_info", (3, 10, 4))
    with pytest.raises(Refusal, match=r"this is Python 3\.10; Tellal runs on 3\.11 or 3\.12"):
        preflight.check_python()


def test_a_folder_is_made(tmp_path: Path) -> None:
    preflight.check_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Refusal, match=r"cannot make the folder .*/file/var"):
        preflight.check_folder(tmp_path / "file" / "var")


def test_a_file_of_another_user_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tellal.db").write_text("")
    # Root may write everywhere, so the kernel's answer is given here.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "tellal.db")
    with pytest.raises(Refusal, match=r"tellal\.db cannot be read and written"):
        preflight.check_folder(tmp_path)


def test_lost_keys_of_a_folder_in_use_are_not_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TELLAL_SECRET_KEY", raising=False)
    monkeypatch.delenv("TELLAL_ENCRYPTION_KEY", raising=False)
    preflight.check_keys(load(var_dir=tmp_path))  # a new folder: keys will be made
    (tmp_path / "tellal.lock").write_text("")
    with pytest.raises(Refusal, match="put them back from a backup"):
        preflight.check_keys(load(var_dir=tmp_path))
    make_keys(tmp_path)
    monkeypatch.setenv("TELLAL_VAR_DIR", str(tmp_path))
    preflight.check_keys(load())


def test_a_port_in_use_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refusal, match=rf"port {port}: Address already in use; set TELLAL_PORT"):
            preflight.check_port(load(host="127.0.0.1", port=port))


def test_a_free_port_is_left_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    preflight.check_port(load(host="127.0.0.1", port=port))
    with socket.create_server(("127.0.0.1", port)):
        pass
