"""Polls of all readers at once, each held to what it has to show."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.integration.feeds.readers.city import City
from tests.integration.feeds.readers.clients import Client, Item, Titles
from tests.integration.feeds.readers.recording import Exchange, Recorder

Key = tuple[str, str]  # a reader's name and a format


@dataclass
class Polls:
    """Readers before a city, since their first poll."""

    city: City
    clients: list[Client]
    recorder: Recorder
    views: dict[Key, Titles] = field(default_factory=dict)
    shown: dict[Key, dict[int, Item]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.recorder.take()

    def poll(self) -> dict[Key, Exchange]:
        """Let every reader ask for every feed once; what passed, by reader and format.

        Raises:
            AssertionError: one of them shows something else than it has to, or anything twice.
        """
        passed: dict[Key, Exchange] = {}
        for client in self.clients:
            client.poll()
            found = self.recorder.take()
            assert sorted(one.format for one in found) == sorted(client.formats), client.name
            passed |= {(client.name, one.format): one for one in found}
            for suffix in client.formats:
                self._look(client, suffix)
        return passed

    def _look(self, client: Client, suffix: str) -> None:
        key = client.name, suffix
        feed = self.city.feed(suffix)
        self.views[key] = client.expected(self.views.get(key, {}), feed)
        items = client.shown(suffix)
        self.shown[key] = {one.article_id: one for one in items}
        assert len(items) == len(self.shown[key]), (key, "doubles", items)
        titles = {number: one.title for number, one in self.shown[key].items()}
        assert titles == self.views[key], key


def unchanged(passed: dict[Key, Exchange]) -> dict[Key, Exchange]:
    """Those who got a body although nothing had changed."""
    return {key: one for key, one in passed.items() if (one.status, one.length) != (304, 0)}
