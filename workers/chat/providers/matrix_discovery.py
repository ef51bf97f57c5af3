"""Where the homeserver behind a name answers (Matrix client-server API, "Server discovery")."""

from __future__ import annotations

import time
from collections import OrderedDict
from urllib.parse import urlsplit

from service.subscriptions.matrix_rooms import MatrixRoom
from workers.calls import Caller, Reply

KEPT, KEPT_S = 256, 600.0  # names whose homeserver is known, and for how long


class Discovery:
    """Remembers what it has found."""

    def __init__(self) -> None:
        self._found: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def origin(self, caller: Caller, place: MatrixRoom) -> str:
        """The origin that the `.well-known` of an address names, else the address itself."""
        here = place.origin
        if not place.is_discovered:
            return here
        until, origin = self._found.get(here, (0.0, ""))
        if time.monotonic() < until:
            return origin
        reply = caller.call("GET", f"{here}/.well-known/matrix/client")
        origin = _base_url(reply) or here
        if reply.status is not None and reply.status < 500:
            self._found[here] = (time.monotonic() + KEPT_S, origin)
            while len(self._found) > KEPT:
                self._found.popitem(last=False)
        return origin


def _base_url(reply: Reply) -> str:
    """The address of an answer, where it is one that a token may go to."""
    server = reply.json().get("m.homeserver") if reply.is_ok else None
    said = server.get("base_url") if isinstance(server, dict) else None
    try:
        parts = urlsplit(said.rstrip("/")) if isinstance(said, str) else None
        is_fit = parts is not None and parts.scheme == "https" and bool(parts.hostname)
        if parts is None or not is_fit or parts.query or parts.fragment or "@" in parts.netloc:
            return ""
    except ValueError:
        return ""
    return parts.geturl()
