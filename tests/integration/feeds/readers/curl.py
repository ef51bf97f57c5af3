"""curl, for whoever reads feeds by a script: compressed, conditional, the feed as it is now."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from lxml import etree

from tests.integration.feeds.readers.clients import Item, Titles, environment, program

_ATOM = "{http://www.w3.org/2005/Atom}"


class Curl:
    """`curl --compressed --etag-save --etag-compare`."""

    name, formats = "curl", ("rss", "atom", "json")

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._program = url, program("curl", "curl")
        self._folder = folder / "curl"
        self._env = environment(self._folder)

    def poll(self) -> None:
        for suffix in self.formats:
            etag, new = self._folder / f"{suffix}.etag", self._folder / f"new.{suffix}"
            options = ["--compressed", "--etag-save", etag, "--etag-compare", etag, "-o", new]
            etag.touch()
            subprocess.run(
                [self._program, "-sSfL", "-m", "20", *map(str, options), f"{self._url}.{suffix}"],
                env=self._env,
                check=True,
            )
            if new.exists() and new.stat().st_size:
                new.replace(self._folder / f"feed.{suffix}")

    def shown(self, suffix: str) -> list[Item]:
        return _read(suffix, (self._folder / f"feed.{suffix}").read_bytes())

    def expected(self, _before: Titles, feed: Titles) -> Titles:
        """It keeps no articles."""
        return feed

    def close(self) -> None:
        pass


def _read(suffix: str, body: bytes) -> list[Item]:
    if suffix == "json":
        return [Item(one["id"], one["title"], one["url"]) for one in json.loads(body)["items"]]
    root = etree.fromstring(body)
    if suffix == "rss":
        names = ("guid", "title", "link")
        return [Item(*map(item.findtext, names)) for item in root.findall("channel/item")]
    return [
        Item(
            entry.findtext(f"{_ATOM}id"),
            entry.findtext(f"{_ATOM}title"),
            entry.find(f"{_ATOM}link[@rel='alternate'][@type='text/html']").get("href"),
        )
        for entry in root.findall(f"{_ATOM}entry")
    ]
