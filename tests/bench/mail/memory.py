"""The memory of a sending process by how many it sends to; each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.bench.ledger.scene import one_scene
from tests.bench.mail import peers
from tests.bench.mail.planned import plan
from tests.bench.mail.run import of_module

FEW, MOST = 10_000, 1_000_000  # recipients
MOST_DELIVERED = 100_000  # about; while the ledger holds all of them

Peaks = dict[int, float]  # megabytes by recipients


def bare(sizes: tuple[int, ...], ready: Path, say: Callable[[str], None]) -> Peaks:
    """Of the pipeline alone, which sends to all of them."""
    peaks = {}
    for size in sizes:
        with peers.sink() as port:
            peaks[size] = of_module("tests.bench.mail.ours", port, size, str(ready)).rss_mb
        say(f"peak of the pipeline alone, {size:,} recipients: {peaks[size]} MB")
    return peaks


def worker(sizes: tuple[int, ...], say: Callable[[str], None]) -> Peaks:
    """Of a whole worker, which delivers a part of the batches of the larger ones."""
    peaks = {}
    with one_scene(sizes) as scene:
        for size in sizes:
            scene.clear()
            environment = plan(scene, size)
            step = max(size // MOST_DELIVERED, 1)
            with peers.sink() as port:
                run = of_module(
                    "tests.bench.mail.worker", port, size, str(step), environment=environment
                )
            peaks[size] = run.rss_mb
            say(f"peak of a whole worker, {size:,} recipients: {peaks[size]} MB")
    return peaks


def growth(peaks: Peaks) -> float:
    """The largest number's by the smallest number's."""
    return peaks[max(peaks)] / peaks[min(peaks)]
