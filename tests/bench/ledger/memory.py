"""The memory of a process that plans, by how many it plans for; each in a process of its own."""

from __future__ import annotations

import resource
import subprocess
import sys

from service.runtime import Runtime
from service.settings import load
from tests.bench.ledger.scene import Scene
from workers.plan import plan_notification


def peak_mb(scene: Scene, size: int) -> float:
    """The largest resident size of a fresh process that plans an article for so many."""
    scene.clear()
    found = subprocess.run(
        [sys.executable, "-m", __name__, str(scene.news(size))],
        env=scene.environment,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    return float(found.stdout.split()[-1])


if __name__ == "__main__":
    with_settings = Runtime.start(load())
    plan_notification(with_settings, int(sys.argv[1]))
    with_settings.close()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
