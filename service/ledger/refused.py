"""A refusal: what staff asked for cannot be done, in one sentence that can be translated."""

from __future__ import annotations


class Refused(ValueError):
    """`text` is the English sentence, with `%(name)s` where a value of `values` belongs."""

    def __init__(self, text: str, **values: object) -> None:
        super().__init__(text % values if values else text)
        self.text, self.values = text, values


class Missing(Refused):
    """There is no such thing."""


def N_(text: str) -> str:  # noqa: N802 - the usual name of the mark
    """Mark a sentence for the catalogue; it is translated where it is shown."""
    return text
