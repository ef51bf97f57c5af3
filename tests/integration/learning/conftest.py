"""Staff at the command line, and articles for them to decide about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import Staff
from service.runtime import Runtime
from service.settings import Settings
from tests.integration.deciding import Editors

EDITOR = "ayse@example.org"


@pytest.fixture
def editors(town: Any, runtime: Runtime) -> Editors:
    return Editors(town, runtime)


@pytest.fixture
def tellal(
    settings: Settings, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Result]:
    """Runs `tellal model …` as one of the staff, on the database of the test."""
    monkeypatch.setenv("TELLAL_VAR_DIR", str(settings.var_dir))
    monkeypatch.setenv("TELLAL_LOG_LEVEL", "ERROR")
    for name in ("database_url", "redis_url", "secret_key", "encryption_key"):
        monkeypatch.setenv(f"TELLAL_{name.upper()}", getattr(settings, name).get_secret_value())
    with runtime.db.write() as session:
        session.add(Staff(email=EDITOR, fs_uniquifier=EDITOR))

    def run(*words: str) -> Result:
        staff = ("--staff", EDITOR) if words[0] not in ("list", "report") else ()
        return CliRunner().invoke(cli, ("model", *words, *staff))

    return run
