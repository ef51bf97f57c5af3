"""The scheduler: Celery's own, which shows a sign of life each time its loop goes round."""

from __future__ import annotations

from typing import Any

from celery.beat import PersistentScheduler

from service.settings import load
from service.telemetry.beats import EVERY_S, Beat


class Scheduler(PersistentScheduler):  # type: ignore[misc]
    """Named by `beat_scheduler` of the Celery application."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._beat = Beat(load(), "scheduler")

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Ring for what is due; returns after how many seconds to look again."""
        wait_s: float = super().tick(*arguments, **options)
        self._beat()
        return min(wait_s, EVERY_S)

    def close(self) -> None:
        """The end, in order."""
        super().close()
        self._beat.stop()
