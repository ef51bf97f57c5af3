"""What XML documents of ours may hold: text without forbidden characters, addresses in ASCII."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SAFE = "/%:=&?~#+!$,;'@()*[]"


def clean(text: str) -> str:
    """Drop what XML 1.0 (section 2.2) forbids: one bad character would break the whole document."""
    return _FORBIDDEN.sub("", text)


def ascii_url(url: str) -> str:
    """Percent-encode what is not ASCII: `ş` becomes `%C5%9F`, and a Turkish host an A-label.
    What XML forbids is dropped."""
    url = clean(url)
    try:
        parts = urlsplit(url)
        host = parts.netloc.encode("idna").decode()
    except ValueError:
        return quote(url, _SAFE)
    rest = (quote(part, _SAFE) for part in (parts.path, parts.query, parts.fragment))
    return urlunsplit((parts.scheme, quote(host, _SAFE), *rest))
