"""Templates that somebody else wrote: they reach nothing of the program, and write no megabytes.

What a template does has a price, about the characters and items that it may make at most, and each
rendering has the same sum to spend. It is taken before the work is done, so a width of a billion
costs nothing but its refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from functools import wraps
from math import prod
from typing import Any, cast

from jinja2 import Template, nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from service.messages.template_rules import FILTERS

MOST = 2_000_000  # that one rendering may spend; the longest of ours takes 10,000
TOO_MUCH = "it writes or repeats far more than a message can hold"
STEP = 100  # a call, even of what does nothing
OBJECT = 1_000  # a value that is neither text, number nor list, and may hold texts
MOST_BITS = 10_000  # of a number
_PRICED = " priced"  # a filter that no template can name
# A number with a letter or a bracket behind it: the width in `%9999d` and `{:9999}`.
_WIDTH = re.compile(r"\d+(?=[\d.,_]*[A-Za-z%}])")
_WIDTH_FROM_VALUE = re.compile(r"\{[^{}]*:[^{}]*\{")
_left: ContextVar[list[int]] = ContextVar("left")


class _Template(Template):
    """Renders with a sum of its own."""

    def render(self, *args: Any, **kwargs: Any) -> str:
        token = _left.set([MOST])
        try:
            return super().render(*args, **kwargs)
        finally:
            _left.reset(token)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which `'x' * 100000000` is an error and not a minute of work."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    template_class = _Template

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters = {name: _priced_filter(name, made) for name, made in self.filters.items()}
        self.filters[_PRICED] = _priced
        del self.globals["lipsum"]  # makes thousands of characters from nothing

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        """Have everything priced that the sandbox cannot intercept: loops and what is joined."""
        tree = super()._parse(source, name, filename)
        for loop in tree.find_all(nodes.For):
            loop.iter = _with_price(loop.iter)
        for joined in tree.find_all(nodes.Concat):
            joined.nodes = [_with_price(one) for one in joined.nodes]
        for made in tree.find_all(nodes.List):
            made.items = [_with_price(one) for one in made.items]
        for several in tree.find_all(nodes.Tuple):
            if several.ctx == "load":
                several.items = [_with_price(one) for one in several.items]
        for pair in tree.find_all(nodes.Pair):
            pair.value = _with_price(pair.value)
        return tree

    def concat(self, parts: Iterable[str]) -> str:
        return "".join(_paid(parts))

    def _load_template(self, *args: Any) -> Template:
        _spend(OBJECT)  # one that includes itself twice doubles with each
        return super()._load_template(*args)

    def call(self, context: Context, called: Any, /, *args: Any, **kwargs: Any) -> Any:
        args = tuple(_whole(one) for one in args)
        method = getattr(called, "__wrapped__", called)  # Jinja wraps str.format
        owner = getattr(method, "__self__", None)
        if isinstance(owner, str) and method.__name__.startswith("format"):
            _fill_in(owner, args, kwargs)
        elif isinstance(owner, str | bytes | int):
            _multiply(owner, *args, *kwargs.values())
        elif isinstance(called, Macro | BlockReference):
            _spend(STEP)  # what it does is paid for inside
        else:
            _spend(STEP + _size(args) + _size(kwargs))
        return super().call(context, called, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length()
            if operator == "**" and bits * right > MOST_BITS:
                raise SecurityError("this power is too large")
            if operator == "*" and bits + right.bit_length() > MOST_BITS:
                raise SecurityError("this number is too large")
        elif operator == "%":
            _fill_in(left, right)
        elif operator == "*":
            _multiply(left, right)
        elif operator == "+":
            _spend(_size(left) + _size(right))
        return super().call_binop(context, operator, left, right)


def _sum() -> list[int]:
    return _left.get(None) or [MOST]  # without one Jinja compiles, and works out constants


def _spend(price: int) -> None:
    left = _sum()
    left[0] -= price
    if left[0] < 0:
        raise SecurityError(TOO_MUCH)


def _multiply(*values: Any) -> None:
    """What no text, list or width of these can be longer than, whatever is done with them."""
    _spend(STEP + prod(_size(one) for one in values))


def _fill_in(text: Any, *values: Any) -> None:
    """What a text with places in it can be at most, which may name a width for each."""
    if not isinstance(text, str):
        return
    if _WIDTH_FROM_VALUE.search(text):
        raise SecurityError("a width is written as a number")
    widest = max((int(found[:9]) for found in _WIDTH.findall(text)), default=1)
    _spend(STEP + len(text) * (widest + sum(map(_size, values))))


def _size(value: Any) -> int:
    """How much a value holds, or how much a number makes where it is a width; at least 1."""
    if isinstance(value, str | bytes):
        return len(value) or 1
    if value is None or isinstance(value, float):
        return 1
    if isinstance(value, int):
        return max(1, value)
    if isinstance(value, range):
        return len(value) or 1
    if isinstance(value, Mapping):
        return 1 + sum(_size(one) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return 1 + sum(map(_size, value))
    return OBJECT


def _whole(value: Any) -> Any:
    """A generator's items, which can be counted and are paid for already."""
    return list(value) if isinstance(value, Iterator) else value


def _priced(value: Any) -> Any:
    value = _whole(value)
    _spend(_size(value))
    return value


def _paid(parts: Iterable[str]) -> Iterator[str]:
    left = _sum()
    for part in parts:
        left[0] -= len(part) or 1
        if left[0] < 0:
            raise SecurityError(TOO_MUCH)
        yield part


def _with_price(value: nodes.Node) -> nodes.Filter:
    return nodes.Filter(cast(nodes.Expr, value), _PRICED, [], [], None, None, lineno=value.lineno)


def _priced_filter(name: str, made: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that is paid for. The first value of some is Jinja's own."""
    own = int(hasattr(made, "jinja_pass_arg"))

    @wraps(made)
    def paid(*args: Any, **kwargs: Any) -> Any:
        args = (*args[:own], *(_whole(one) for one in args[own:]))
        values = (*args[own:], *kwargs.values())
        if name in FILTERS:  # makes no text longer
            _spend(STEP + sum(map(_size, values)))
        elif name == "format":
            _fill_in(*values)
        else:
            _multiply(*values)
        return made(*args, **kwargs)

    return paid
