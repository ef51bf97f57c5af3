"""An example of every act of the staff, by page and by API, one file a part.

`test_recorded.py` walks the URL map, does each of them, and looks for it in the log of acts.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.runtime import Runtime


def nothing(_runtime: Runtime) -> dict[str, Any]:
    """What an example needs that starts from an empty database."""
    return {}


@dataclass(frozen=True)
class Example:
    """One act. `prepare` makes what it is about, and returns the values of its address.

    `body` is the form of a page, or the JSON of the API, where a dictionary of headers may go with
    it. `act`: what the log calls it; empty: the form answers a question and changes nothing.
    """

    act: str
    body: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Runtime], dict[str, Any]] = nothing
    headers: Mapping[str, str] = field(default_factory=dict)


def all_examples() -> dict[str, Example]:
    """Those of all parts, by endpoint without language."""
    found: dict[str, Example] = {}
    for module in pkgutil.iter_modules(__path__):
        part: dict[str, Example] = importlib.import_module(f"{__name__}.{module.name}").EXAMPLES
        assert not found.keys() & part.keys(), module.name
        found |= part
    return found
