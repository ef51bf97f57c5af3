"""Templates that somebody else wrote: they reach nothing of the program, and write no megabytes."""

from __future__ import annotations

from typing import Any

from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST = 1_000_000  # characters or items that a multiplication makes
MOST_BITS = 10_000  # of a power


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which `'x' * 100000000` is an error and not a minute of work."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        is_whole = isinstance(left, int) and isinstance(right, int)
        if operator == "**" and is_whole and left.bit_length() * right > MOST_BITS:
            raise SecurityError("this power is too large")
        if operator == "*":
            for text, times in ((left, right), (right, left)):
                is_repeated = isinstance(text, str | list | tuple) and isinstance(times, int)
                if is_repeated and len(text) * times > MOST:
                    raise SecurityError("this text is too long")
        return super().call_binop(context, operator, left, right)
