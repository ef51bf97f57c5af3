"""The runtime of a worker process, made on first use so that no connection crosses a fork."""

from __future__ import annotations

import os
import threading

from service.runtime import Runtime
from service.settings import load
from service.tasks import WORKER_TIMEOUT_S
from service.telemetry import tracing

_lock = threading.Lock()
_made: dict[int, Runtime] = {}


def process_runtime() -> Runtime:
    """The runtime of this process; a forked child makes one of its own."""
    with _lock:
        pid = os.getpid()
        if pid not in _made:
            _made.clear()
            _made[pid] = Runtime.start(load(), WORKER_TIMEOUT_S)
        return _made[pid]


def tell_the_rest() -> None:
    """Before this process ends: what it has counted and traced is told."""
    with _lock:
        runtime = _made.get(os.getpid())
    if runtime is not None:
        runtime.meters.tell()
    tracing.close()
