"""What is wrong with a channel, in one sentence."""

from __future__ import annotations


class ChannelError(ValueError):
    """A channel cannot be added. The text is one sentence with `%(name)s` marks for values, so
    that a page can say it in the reader's language; the field is what to mend."""

    def __init__(self, text: str, field: str = "url", **values: str) -> None:
        super().__init__(text % values)
        self.text, self.field, self.values = text, field, values


def N_(text: str) -> str:  # noqa: N802
    """Mark a sentence for the catalogue; the page translates it."""
    return text
