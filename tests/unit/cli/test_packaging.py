"""The files that start Tellal elsewhere: compose, image, Makefile, CI, hooks."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from service.cli import processes
from service.setting_sources import PREFIX
from service.settings import Settings

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return found


def test_every_process_has_a_service_of_its_own(compose: dict[str, Any]) -> None:
    commands = [service.get("command") for service in compose["services"].values()]
    for name in processes.names():
        assert commands.count(["run", name]) == 1


def test_no_service_runs_as_root(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if service.get("image") == "tellal":
            assert "user" not in service, "the image decides"
        else:
            assert service["user"] not in ("root", "0"), name
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert users == ["10001:10001"]


def test_secrets_come_as_files_and_each_is_declared(compose: dict[str, Any]) -> None:
    used = {secret for s in compose["services"].values() for secret in s.get("secrets", ())}
    assert used == set(compose["secrets"])
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    environment = compose["x-environment"]
    secret_settings = [n for n, f in Settings.model_fields.items() if "Secret" in str(f.annotation)]
    plain = {f"{PREFIX}{name.upper()}" for name in secret_settings} & set(environment)
    assert plain == {"TELLAL_REDIS_URL"}  # has no password: it is reachable from inside only


def test_compose_sets_only_what_exists(compose: dict[str, Any]) -> None:
    for variable in compose["x-environment"]:
        name = variable.removeprefix(PREFIX).removesuffix("_FILE").lower()
        assert name in Settings.model_fields


def test_services_wait_for_what_they_need_and_come_back(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in processes.names():
        service = services[name]
        assert service["restart"] == "always"
        assert service["stop_grace_period"] == "90s"
        assert service["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert "healthcheck" in services["postgres"]
    assert "--appendonly" in services["redis"]["command"]
    assert "noeviction" in services["redis"]["command"]


def test_named_volumes_are_declared(compose: dict[str, Any]) -> None:
    used = {v.split(":")[0] for s in compose["services"].values() for v in s.get("volumes", ())}
    assert used == set(compose["volumes"])


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
