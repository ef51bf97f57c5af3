"""Reads one entry of a listing: as it is, where it is whole, else its page."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import replace
from typing import Any

from service.ingest.article_page import Reader, read_article_page
from service.ingest.decoding import decode
from service.ingest.drafting import Alias
from service.ingest.listing import Entry
from service.ingest.mapping import Failed, Ignored, Mapped, map_event
from service.ingest.markup import MarkupError
from service.ingest.presets import Preset
from service.ingest.pull_rules import PullRules
from service.ingest.pulling.leasing import Poll
from service.ingest.reading import is_at_home
from service.outbound import FetchFailed, FetchRefused
from workers.pull.site import DisallowedError, Site


class UnreadableError(Exception):
    """This entry is no article, now. `status`: what its page answered. `is_away`: the site may be
    unwell. `is_final`: another try brings nothing new."""

    def __init__(
        self, reason: str, status: int = 0, *, is_away: bool = False, is_final: bool = False
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.is_away = is_away
        self.is_final = is_final


class EntryReader:
    """Of one source, for the length of one poll."""

    def __init__(
        self, site: Site, poll: Poll, rules: PullRules, presets: Table[str, Preset]
    ) -> None:
        self._site = site
        self._source = poll.source
        self._presets = presets
        self._pages = Reader(rules, presets, poll.source.timezone)
        preset = presets.get(poll.source.preset)
        self._is_strict = preset is not None and preset.is_strict

    def read(self, entry: Entry) -> Mapped:
        """The article of an entry.

        Raises:
            UnreadableError: it has none.
            BudgetSpentError: as `Site.get`.
        """
        number = self._pages.rules.number_in(entry.url)
        event = {**entry.event, **({"id": number} if number else {})}
        if not entry.is_whole:
            event |= self._page(entry)
        return self._mapped(entry, event)

    def teaser(self, entry: Entry) -> Mapped | None:
        """What the listing itself says, for when the page never answers; null for too little."""
        try:
            return self._mapped(entry, dict(entry.event)) if entry.event.get("title") else None
        except UnreadableError:
            return None

    def _page(self, entry: Entry) -> dict[str, Any]:
        try:
            fetched = self._site.get(entry.url)
        except (FetchRefused, DisallowedError) as error:
            raise UnreadableError(str(error), is_final=True) from error
        except FetchFailed as error:
            raise UnreadableError(str(error), is_away=True) from error
        if fetched.status != 200:
            raise UnreadableError(f"its page answered {fetched.status}", fetched.status)
        if "html" not in (fetched.media_type or "html"):
            raise UnreadableError(f"no page came, but {fetched.media_type[:60]}", is_final=True)
        try:
            text = decode(fetched.content, fetched.charset)
            return read_article_page(text, entry.url, self._pages)
        except MarkupError as error:
            raise UnreadableError(str(error)) from error

    def _mapped(self, entry: Entry, event: dict[str, Any]) -> Mapped:
        source = self._source
        preset = self._presets[entry.preset]
        found = map_event(preset, {}, event, source.timezone, source.base_url or entry.url)
        if isinstance(found, Failed | Ignored):
            raise UnreadableError(found.reason)
        (mapped,) = found
        if not is_at_home(source, mapped):
            raise UnreadableError("its address is on a foreign host", is_final=True)
        # Whoever writes canonical articles is found by ids alone; a page read here may come with an
        # id later on, and then its address under another kind makes them one.
        names = (Alias("guid", entry.url),) if self._is_strict else ()
        return replace(mapped, aliases=(*mapped.aliases, *names))
