"""What a request of a feed asks for: conditions (RFC 9110, section 13) and deltas (RFC 3229)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.http import parse_date

from service.feeds.coding import accepted

MAX_TAGS = 100  # of one If-None-Match that are looked at
_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')
_MANIPULATION = re.compile(r"\s*feed\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?", re.I)


@dataclass(frozen=True, slots=True)
class Asked:
    """The request headers that an answer depends on, as they came."""

    known: str | None = None  # If-None-Match
    since: str | None = None  # If-Modified-Since
    codings: tuple[str, ...] = ("identity",)
    wants_delta: bool = False

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Asked:
        """Read them from a WSGI environment."""
        return cls(
            known=environ.get("HTTP_IF_NONE_MATCH"),
            since=environ.get("HTTP_IF_MODIFIED_SINCE"),
            codings=accepted(environ.get("HTTP_ACCEPT_ENCODING")),
            wants_delta="HTTP_A_IM" in environ and _takes_delta(environ),
        )

    def knows(self, opaque: str, modified: datetime | None) -> bool:
        """Whether the client has what has this tag, compared weakly; an If-None-Match wins, and a
        date that is none is ignored (sections 13.1.2, 13.1.3 and 13.2.2)."""
        if self.known is not None:
            return self.known.strip() == "*" or opaque in self.tags()
        if self.since is None or modified is None:
            return False
        try:
            since = parse_date(self.since)
        except OverflowError:  # a year beyond what the machine counts
            since = None
        return since is not None and modified <= since

    def tags(self) -> list[str]:
        """What stands between the quotes of the entity tags that the client has."""
        return _TAG.findall(self.known or "", 0, 8192)[:MAX_TAGS]

    def base(self, fingerprint: str, seq: int) -> int | None:
        """The latest change that the client has seen of what has this fingerprint and now stands at
        `seq`; None where it knows of none, or of none that has been."""
        seen = (tag.partition("-") for tag in self.tags())
        numbers = (
            int(number)
            for number, _, rest in seen
            if rest == fingerprint and number.isdecimal() and len(number) < 19
        )
        return max((number for number in numbers if number < seq), default=None)


def _takes_delta(environ: Mapping[str, Any]) -> bool:
    """feedparser asks for deltas in the name of programs that do not know it: rss2email takes 226
    for an error, and reads nothing any more. Programs that say who they are know what they send."""
    if environ.get("HTTP_USER_AGENT", "").startswith("feedparser/"):
        return False
    found = (_MANIPULATION.fullmatch(part) for part in environ["HTTP_A_IM"][:500].split(","))
    return any(one and float(one[1] or 1) for one in found)
