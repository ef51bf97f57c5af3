"""What a process keeps in memory to serve feeds, bounded in bytes.

Two segments (segmented LRU): what was asked for once goes through what room is left, what is asked
for again stays in the rest. A flood of keys that nobody asks for twice, and strangers can make up
10^12 of them, pushes out one another and nothing that readers use.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

OVERHEAD = 400  # bytes of an entry beside its value: its key, itself, its places in two tables
STAYS = 0.8  # the share of the room for what was asked for again


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    size: int


class Memory:
    """Values by key; thread-safe, one per process."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._new: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._used: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._new_bytes = self._used_bytes = 0
        self._lock = threading.Lock()

    @property
    def held(self) -> int:
        """Bytes that are kept, the overhead of each entry with them."""
        return self._new_bytes + self._used_bytes

    def get(self, key: Hashable) -> Any:
        """The value under this key, or None; from now on it is one that was asked for again."""
        with self._lock:
            if (kept := self._used.get(key)) is not None:
                self._used.move_to_end(key)
            elif (kept := self._new.pop(key, None)) is not None:
                self._used[key] = kept
                self._new_bytes -= kept.size
                self._used_bytes += kept.size
                self._step_back()
            return kept.value if kept else None

    def put(self, key: Hashable, value: Any, size: int) -> None:
        """Keep a value of so many bytes, in place of what is under the key; nothing that is so
        large that little else would have room."""
        kept = _Kept(value, size + OVERHEAD)
        with self._lock:
            is_used = key in self._used
            self._forget(key)
            if kept.size > self._max_bytes // 4:
                return
            if is_used:
                self._used[key] = kept
                self._used_bytes += kept.size
                self._step_back()
            else:
                self._new[key] = kept
                self._new_bytes += kept.size
            self._trim()

    def drop(self, key: Hashable) -> None:
        """Forget what is under this key, if anything is."""
        with self._lock:
            self._forget(key)

    def _forget(self, key: Hashable) -> None:
        if (kept := self._used.pop(key, None)) is not None:
            self._used_bytes -= kept.size
        if (kept := self._new.pop(key, None)) is not None:
            self._new_bytes -= kept.size

    def _step_back(self) -> None:
        """What was used longest ago has to be asked for again to stay."""
        while self._used_bytes > self._max_bytes * STAYS:
            key, kept = self._used.popitem(last=False)
            self._used_bytes -= kept.size
            self._new[key] = kept
            self._new_bytes += kept.size

    def _trim(self) -> None:
        while self.held > self._max_bytes and self._new:
            self._new_bytes -= self._new.popitem(last=False)[1].size
