"""What feeds and sitemaps may hold: text that XML allows, and addresses in ASCII."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit, urlunsplit

# What XML 1.0 forbids or discourages (section 2.2), and what JSON cannot hold.
_PLANE_ENDS = "".join(chr((plane << 16) + end) for plane in range(17) for end in (0xFFFE, 0xFFFF))
_UNFIT = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_PLANE_ENDS}]")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")
_LONE_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_SAFE = "/%:=&?~+!$,;'@()*"


def clean(text: str) -> str:
    """Drop what no format may hold: one bad article would break every feed that holds it.

    The mark of a letter that was lost on its way becomes a question mark: validators take it for a
    fault of the feed's own encoding.
    """
    if not text.replace("\n", "").isprintable():  # nearly none, and quickly told
        text = _UNFIT.sub("", text)
    return text.replace("\ufffd", "?")


def ascii_url(url: str) -> str:
    """Percent-encode what is not ASCII: `ş` becomes `%C5%9F`, and a Turkish host an A-label.

    Empty for what no reader should open: only http and https with a host and without a user.
    """
    try:
        parts = urlsplit(clean(url).strip())
        port = f":{parts.port}" if parts.port is not None else ""
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:  # also what cannot be a host's name or a port
        return ""
    host = f"[{host}]" if ":" in host else host
    if parts.scheme not in ("http", "https") or "@" in parts.netloc or not _HOST.fullmatch(host):
        return ""
    rest = (
        quote(_LONE_PERCENT.sub("%25", part), _SAFE)
        for part in (parts.path, parts.query, parts.fragment)
    )
    return urlunsplit((parts.scheme, host + port, *rest))
