"""How the tests are dealt out where several processes run them (pytest-xdist).

A file goes to one process: what it shares is set up once. So does the folder of the browser as a
whole: its last tests ask whether the others have seen every page.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

WHOLE = "tests/browser/"


class FilesAndFolders(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return WHOLE if nodeid.startswith(WHOLE) else super()._split_scope(nodeid)


def deal(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """None leaves the choice to a `--dist` of somebody who knows better."""
    return FilesAndFolders(config, log) if config.getvalue("dist") in ("load", "loadfile") else None
