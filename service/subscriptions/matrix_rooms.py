"""Addresses of Matrix rooms as staff paste them, in the forms that Apprise has made known."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

# Another program stands between, or encrypts: there a number is not one message.
FOREIGN = frozenset({"mode", "path", "e2ee"})
OFF = frozenset({"", "off", "no", "false", "0"})


@dataclass(frozen=True)
class MatrixRoom:
    """A room, and the account that writes there: by a token, or by a name and a password."""

    origin: str
    room: str  # !id:host, #alias:host, or #alias at the account's own server
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    kind: str = "m.text"  # of its messages; m.notice rings nobody
    is_discovered: bool = False  # the origin may name another by its `.well-known`

    @property
    def who(self) -> str:
        """What tells the account from others of its homeserver. A secret, where it is a token."""
        return self.user or self.token

    @property
    def owner(self) -> tuple[str, str, str, str]:
        """What one signs in with."""
        return self.origin, self.user, self.password, self.token


def room_of(url: str) -> MatrixRoom | None:
    """The room behind `matrixs://user:password@host/#room` or `matrixs://token@host/!room:host`;
    None for anything else."""
    scheme, _, rest = url.partition("://")
    base, _, query = rest.partition("?")
    place, _, path = base.partition("/")
    owner, _, host = place.rpartition("@")
    user, _, password = owner.partition(":")
    options = {name.lower(): value for name, value in parse_qsl(query)}
    if any(options.get(name, "").lower() not in OFF for name in FOREIGN) or not _is_host(host):
        return None
    targets = [unquote(part) for part in path.split("/") if part]
    targets += [part.strip() for part in options.get("to", "").split(",") if part.strip()]
    token = options.get("token", "") or (unquote(user) if not password else "")
    if len(targets) != 1 or not (token or password):
        return None
    room = targets[0] if targets[0][0] in "#!@" else f"#{targets[0]}"
    if room[0] == "@" or len(room) == 1:
        return None
    return MatrixRoom(
        f"{'https' if scheme == 'matrixs' else 'http'}://{host}",
        room,
        "" if token else unquote(user),
        "" if token else unquote(password),
        token,
        "m.notice" if options.get("msgtype", "").lower() == "notice" else "m.text",
        scheme == "matrixs" and options.get("discovery", "yes").lower() not in OFF,
    )


def _is_host(host: str) -> bool:
    try:
        parts = urlsplit(f"//{host}")
        return bool(parts.hostname) and parts.netloc == host and parts.port != 0
    except ValueError:
        return False
