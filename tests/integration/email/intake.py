"""The LMTP intake in a thread of the test, on a port that the kernel chooses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.runtime import Runtime
from workers.email.lmtp import Server


@contextmanager
def listening(runtime: Runtime, where: str = "127.0.0.1:0") -> Iterator[int]:
    """Run the intake for as long as the block runs; gives its port, 0 on a unix socket."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = Server(runtime, where)
    try:
        yield asyncio.run_coroutine_threadsafe(server.start(), loop).result(10)
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    finally:
        # In its own thread: that of the tests may have a loop that runs, of the browser's tests.
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
