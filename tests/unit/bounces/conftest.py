"""A vault of the test's own, and reports that carry its tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from service.crypto import Vault
from service.settings import load
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY

FOLDER = Path(__file__).parents[2] / "data" / "email"


@pytest.fixture(scope="session")
def vault() -> Vault:
    return Vault(load(secret_key=SECRET_KEY, encryption_key=ENCRYPTION_KEY, var_dir="/nowhere"))


@pytest.fixture(scope="session")
def report(vault: Vault) -> Callable[..., bytes]:
    """A stored report about a letter of notification 4711 to a destination."""

    def report(name: str, destination: int, notification: int = 4711) -> bytes:
        token = vault.token("mail", notification, destination)
        return (FOLDER / name).read_bytes().replace(b"TOKEN", token.encode())

    return report
