"""The short way of the usual event: a signed new article of a source that has posted before.

It asks the database nothing before its one transaction, which first looks whether the source is
still what it was. Whatever is not usual, refusals included, goes the long way, which reads the
source anew and counts alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from service.ingest.delivery import Outcome, ready
from service.ingest.desk import Desk
from service.ingest.fresh import Fresh, fresh_of
from service.ingest.presets import Preset
from service.ingest.proving import Proven, check_rate, prove
from service.ingest.reading import read_event
from service.ingest.together import store_together
from service.logs import get_logger
from service.models import Source
from service.problems import Problem
from service.runtime import Runtime

log = get_logger(__name__)


class ShortWay:
    """Thread-safe; one per process."""

    def __init__(self, runtime: Runtime, presets: Mapping[str, Preset]) -> None:
        self._runtime, self._presets = runtime, presets
        self._sources: dict[str, Source] = {}
        self._desk: Desk[Fresh, Outcome] = Desk(partial(store_together, runtime.db))

    def remember(self, proven: Proven) -> None:
        """Keep a source that has just posted, unless the next one would have to note something."""
        if proven.source.last_matched == proven.matched:
            self._sources[proven.source.slug] = proven.source

    def take(self, slug: str, body: bytes, request_id: str) -> Outcome | None:
        """Store a new article with those that come at the same time; null: take the long way."""
        source = self._sources.get(slug)
        if source is None:
            return None
        fresh = self._prepare(source, body, request_id)
        return self._desk.bring(fresh) if fresh is not None else None

    def _prepare(self, source: Source, body: bytes, request_id: str) -> Fresh | None:
        try:
            proven = prove(self._runtime, source, body)
            event = read_event(self._presets, proven)
            fresh = fresh_of(ready(self._runtime.vault, proven, event, request_id))
            if fresh is not None:
                check_rate(self._runtime, source)
        except Problem:
            return None
        except Exception:  # the long way keeps what breaks on our side
            log.exception("short way broke", source=source.slug)
            return None
        return fresh
