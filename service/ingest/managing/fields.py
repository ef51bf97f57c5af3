"""What may be said of a source: each value is checked here, whoever gives it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as its
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from service.models.source import MAX_HOLD_S

FASTEST = 100_000  # requests a minute
MAX_ADDRESS = 500
MAX_IDENTIFIER = 255
MAX_HOSTS = 50
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_ADDRESS = re.compile(r"https?://[^\s/]+(/\S*)?")
_HOST = re.compile(r"(?:[a-z0-9-]+\.)*[a-z0-9-]+")


def N_(text: str) -> str:  # noqa: N802
    """Mark a sentence for the catalogue; the page translates it."""
    return text


@dataclass(frozen=True)
class Wrong:
    """One field that cannot be so. The text has `%(name)s` marks for its values, so that a page
    can say it in the reader's language; no value is a secret."""

    field: str
    text: str
    values: Mapping[str, Any] = its(default_factory=dict)

    def __str__(self) -> str:
        return self.text % self.values


class SourceError(ValueError):
    """Nothing was done; `wrong` has each field that is to be mended."""

    def __init__(self, *wrong: Wrong) -> None:
        super().__init__("; ".join(map(str, wrong)))
        self.wrong = wrong


def wrong(field: str, text: str, **values: Any) -> SourceError:
    """The error of one field."""
    return SourceError(Wrong(field, text, values))


def checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a source as they are stored, of those that were given.

    Raises:
        SourceError: all that is wrong with them.
    """
    found: dict[str, Any] = {}
    errors: list[Wrong] = []
    for name, value in values.items():
        try:
            found[name] = _CHECKS[name](name, value)
        except SourceError as error:
            errors += error.wrong
    if errors:
        raise SourceError(*errors)
    return found


def _slug(name: str, value: str) -> str:
    if not _SLUG.fullmatch(value):
        text = N_("“%(given)s” is no short name: small letters, digits and hyphens, up to 64.")
        raise wrong(name, text, given=value[:64])
    return value


def _address(name: str, value: str) -> str:
    value = value.strip()
    if value and not _is_address(value):
        text = N_("“%(given)s” is no address, as https://www.izmir.bel.tr/")
        raise wrong(name, text, given=value[:100])
    return value


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        is_whole = parts.port != 0 and bool(parts.hostname and _ADDRESS.fullmatch(text))
    except ValueError:  # no number, or none of a port; brackets that are not closed
        return False
    return is_whole and "@" not in parts.netloc and text.isprintable() and len(text) <= MAX_ADDRESS


def _hosts(name: str, value: Sequence[str]) -> list[str]:
    hosts = sorted({host.strip().lower() for host in value if host.strip()})
    if bad := [host for host in hosts if not _HOST.fullmatch(host) or len(host) > 253]:
        text = N_("“%(given)s” is no host name; write it without https:// and without a path.")
        raise wrong(name, text, given=bad[0][:100])
    if len(hosts) > MAX_HOSTS:
        raise wrong(name, N_("At most %(most)s hosts."), most=MAX_HOSTS)
    return hosts


def _zone(name: str, value: str) -> str:
    if value not in available_timezones():
        raise wrong(name, N_("“%(given)s” is no time zone, as Europe/Istanbul"), given=value[:64])
    return value


def _identifier(name: str, value: str) -> str:
    value = value.strip()
    if len(value) > MAX_IDENTIFIER or not value.isprintable():
        raise wrong(name, N_("One line of at most %(most)s characters."), most=MAX_IDENTIFIER)
    return value


def _between(low: int, high: int) -> Callable[[str, Any], int]:
    def check(name: str, value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = low - 1
        if not low <= number <= high:
            raise wrong(name, N_("A whole number from %(low)s to %(high)s."), low=low, high=high)
        return number

    return check


def _flag(name: str, value: Any) -> bool:
    return bool(value)


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "slug": _slug,
    "hold_s": _between(0, MAX_HOLD_S),
    "rate_per_minute": _between(1, FASTEST),
    "hosts": _hosts,
    "base_url": _address,
    "api_url": _address,
    "timezone": _zone,
    "identifier": _identifier,
    "may_send_urgent": _flag,
    "is_paused": _flag,
}
SETTINGS = frozenset(_CHECKS) - {"slug"}  # what can be changed later
