"""newsboat without its screen: `newsboat -x reload`, and what it keeps."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from tests.integration.feeds.readers.clients import Item, environment, merged, program


class Folder:
    """A newsboat of its own, with these feeds."""

    def __init__(self, folder: Path, urls: list[str]) -> None:
        folder.mkdir()
        self._program, self._env = program("newsboat", "newsboat"), environment(folder / "home")
        self._cache, self._urls = folder / "cache.db", folder / "urls"
        self._config = folder / "config"
        self._urls.write_text("\n".join(urls) + "\n")
        self._config.write_text("download-retries 1\ndownload-timeout 20\n")

    def reload(self) -> None:
        files = ["-u", self._urls, "-c", self._cache, "-C", self._config]
        done = subprocess.run(
            [self._program, *map(str, files), "-x", "reload"],
            **{"env": self._env, "capture_output": True, "text": True, "timeout": 60},
        )
        assert (done.returncode, done.stderr) == (0, ""), done

    def items(self) -> list[Item]:
        """All that it would list."""
        with closing(sqlite3.connect(self._cache)) as cache:
            found = cache.execute("SELECT guid, title, url FROM rss_item WHERE deleted = 0")
            return [Item(*row) for row in found]


class Newsboat:
    """One newsboat for each format: it keeps an article once, whatever feeds it is in."""

    name, formats = "newsboat", ("rss", "atom")

    def __init__(self, url: str, folder: Path) -> None:
        self._folders = {
            suffix: Folder(folder / f"newsboat-{suffix}", [f"{url}.{suffix}"])
            for suffix in self.formats
        }

    def poll(self) -> None:
        for folder in self._folders.values():
            folder.reload()

    def shown(self, suffix: str) -> list[Item]:
        return self._folders[suffix].items()

    expected = staticmethod(merged)

    def close(self) -> None:
        pass
