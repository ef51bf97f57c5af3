"""feedparser, whose caller keeps everything, and lemon24's reader, which keeps it itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import feedparser
import feedparser_sgmllib
from reader import make_reader

from tests.integration.feeds.readers.clients import Item, merged

# reader 3.26 counts on the name that feedparser's own dependency had.
sys.modules.setdefault("sgmllib", feedparser_sgmllib)


AGENT = "haberci/1.0"


class Feedparser:
    """A caller of feedparser with a name of its own that keeps entries by id, and `etag` and
    `modified` as its documentation says."""

    name, formats = "feedparser", ("rss", "atom")

    def __init__(self, url: str, _folder: Path) -> None:
        self._url = url
        self._known: dict[str, dict[str, Any]] = {one: {} for one in self.formats}
        self._entries: dict[str, dict[str, Item]] = {one: {} for one in self.formats}

    def poll(self) -> None:
        for suffix, known in self._known.items():
            found = feedparser.parse(f"{self._url}.{suffix}", agent=AGENT, **known)
            assert not found.bozo, found.get("bozo_exception")
            ids = [entry.id for entry in found.entries]
            assert len(ids) == len(set(ids))
            for entry in found.entries:
                self._entries[suffix][entry.id] = Item(entry.id, entry.title, entry.link)
            if found.status != 304:
                known |= {"etag": found.etag, "modified": found.get("modified")}

    def shown(self, suffix: str) -> list[Item]:
        return list(self._entries[suffix].values())

    expected = staticmethod(merged)

    def close(self) -> None:
        pass


class Lemon24:
    """reader with a database of its own."""

    name, formats = "reader", ("rss", "atom", "json")

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._reader = make_reader(str(folder / "reader.sqlite"))
        for suffix in self.formats:
            self._reader.add_feed(f"{url}.{suffix}")

    def poll(self) -> None:
        for result in self._reader.update_feeds_iter(scheduled=False):
            assert result.error is None, result.error

    def shown(self, suffix: str) -> list[Item]:
        found = self._reader.get_entries(feed=f"{self._url}.{suffix}")
        return [Item(one.id, one.title or "", one.link or "") for one in found]

    expected = staticmethod(merged)

    def close(self) -> None:
        self._reader.close()
