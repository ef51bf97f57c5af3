"""A runtime for the length of one command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from service.settings import load

if TYPE_CHECKING:  # a heavy import, which `tellal --help` must not pay for
    from service.runtime import Runtime


@contextmanager
def opened_runtime() -> Iterator[Runtime]:
    """Open database and keys as the settings say, and close them after the command."""
    from service.runtime import Runtime

    runtime = Runtime.start(load())
    try:
        yield runtime
    finally:
        runtime.close()
