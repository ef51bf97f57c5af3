"""What `tellal up` looks at before it starts anything: each problem is one line with its remedy."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from service.cli.refusal import Refusal
from service.setting_sources import KEYS
from service.settings import Settings

PYTHONS = ((3, 11), (3, 12))


def check_python() -> None:
    """Raises Refusal on a Python that the lock file was not made for."""
    if sys.version_info[:2] not in PYTHONS:
        found = ".".join(map(str, sys.version_info[:2]))
        raise Refusal(f"this is Python {found}; Tellal runs on 3.11 or 3.12")


def check_folder(folder: Path) -> None:
    """Make the folder; raise Refusal where it, or what lies in it, is not ours to write."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Refusal(
            f"cannot make the folder {folder}: {error.strerror}; "
            "set TELLAL_VAR_DIR to one that you may write to"
        ) from error
    for path in (folder, *folder.iterdir(), *folder.glob("keys/*")):
        wanted = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
        if not path.is_socket() and not os.access(path, wanted):
            raise Refusal(
                f"{path} cannot be read and written by this user; "
                f"`chown -R` {folder} to yourself, or set TELLAL_VAR_DIR to another folder"
            )


def check_keys(settings: Settings) -> None:
    """Raises Refusal where data is left but its keys are gone: new ones would open nothing."""
    is_used = (settings.var_dir / "tellal.lock").exists()  # keys are made before the first lock
    if is_used and not all(getattr(settings, name).get_secret_value() for name in KEYS):
        raise Refusal(
            f"the keys in {settings.var_dir / 'keys'} are gone; put them back from a backup, or "
            f"move {settings.var_dir} away to start afresh"
        )


def check_port(settings: Settings) -> None:
    """Raises Refusal where the web server could not listen."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As gunicorn does: addresses of closed connections may be taken over.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
            probe.listen(1)
        except (OSError, OverflowError) as error:
            raise Refusal(
                f"cannot listen on {settings.host} port {settings.port}: "
                f"{getattr(error, 'strerror', None) or error}; "
                "set TELLAL_PORT (and TELLAL_HOST) to another one"
            ) from error
