"""Which Chromium the tests drive: the machine's own, else Playwright's.

`python -m tests.browser.chromium` says which it is, and downloads Playwright's where there is none.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FOLDER = "PLAYWRIGHT_BROWSERS_PATH"
os.environ.setdefault(FOLDER, str(Path(sys.prefix) / "browsers"))


def on_machine() -> str | None:
    """The path of a Chromium that was installed on this machine."""
    return next(filter(None, map(shutil.which, NAMES)), None)


def is_downloaded() -> bool:
    """True where Playwright has one of its own, whole or the part without windows."""
    return any(Path(os.environ[FOLDER]).glob("chromium*/INSTALLATION_COMPLETE"))


def which() -> str:
    """What drives the pages of tests, for the reader of a test's output."""
    if path := on_machine():
        return f"Chromium: {path}"
    if is_downloaded():
        return f"Chromium: Playwright’s own in {os.environ[FOLDER]}"
    return "Chromium: none; `make browser` gets one, and until then tests of pages fail"


if __name__ == "__main__":
    if on_machine() is None and not is_downloaded():
        command = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
        subprocess.run(command, check=False)
    print(which())
    sys.exit(on_machine() is None and not is_downloaded())
