"""One site, asked politely: by its robots.txt, one page at a time, and not for ever."""

from __future__ import annotations

import threading
import time
from importlib.metadata import version
from urllib.parse import urlsplit, urlunsplit

from protego import Protego

from service.ingest.decoding import decode
from service.logs import get_logger
from service.models import Pull, Source
from service.outbound import Fetched, FetchFailed, fetch, origin_of
from service.settings import Settings

log = get_logger(__name__)

PAUSE_S = 1.0  # between two pages
LONGEST_PAUSE_S = 10.0  # that a Crawl-delay gets
BUDGET_S = 120.0  # for one poll; the last answer may come 60 s later, still within the lease
ROBOTS_FOR_S = 86_400.0
MAX_ROBOTS = 500_000  # characters (RFC 9309, section 2.5)
ROBOT = "Tellal"


class DisallowedError(Exception):
    """The site's robots.txt does not want this address to be asked for."""


class BudgetSpentError(Exception):
    """This poll has taken its time; the rest is for the next."""


class _Robots:
    """What each origin's robots.txt says, for a day."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, Protego]] = {}
        self._lock = threading.Lock()

    def get(self, origin: str) -> Protego | None:
        with self._lock:
            ends, rules = self._found.get(origin, (0.0, None))
            return rules if time.monotonic() < ends else None

    def put(self, origin: str, rules: Protego) -> None:
        with self._lock:
            self._found[origin] = (time.monotonic() + ROBOTS_FOR_S, rules)

    def forget(self) -> None:
        with self._lock:
            self._found.clear()


robots = _Robots()


def user_agent(settings: Settings) -> str:
    """Who asks, with an address where to complain."""
    return f"{ROBOT}/{version('tellal')} (+{settings.public_url})"


class Site:
    """The hosts of one source, for the length of one poll."""

    def __init__(self, settings: Settings, source: Source, pull: Pull) -> None:
        self._settings = settings
        self._agent = user_agent(settings)
        self._origins = _origins(source, pull)
        self._ends = time.monotonic() + BUDGET_S
        self._pause_s = 0.0

    def get(self, url: str, headers: dict[str, str] | None = None) -> Fetched:
        """Ask for one address.

        Raises:
            DisallowedError: robots.txt says no.
            BudgetSpentError: no time is left in this poll.
            FetchRefused, FetchFailed: as `fetch`; the latter also where robots.txt cannot be read,
                which counts as a no for now (RFC 9309, section 2.3.1.4).
        """
        if time.monotonic() > self._ends:
            raise BudgetSpentError
        url = self._secured(url)
        rules = self._rules(url)
        if not rules.can_fetch(url, ROBOT):
            raise DisallowedError(f"robots.txt of {urlsplit(url).hostname} does not allow it")
        time.sleep(self._pause_s)
        self._pause_s = max(PAUSE_S, min(rules.crawl_delay(ROBOT) or 0.0, LONGEST_PAUSE_S))
        return self._fetch(url, headers)

    def has(self, url: str) -> bool:
        """Whether this address is one of the site's."""
        try:
            return origin_of(self._secured(url)) in self._origins
        except ValueError:
            return False

    def _rules(self, url: str) -> Protego:
        try:
            origin = origin_of(url)
        except ValueError:
            return Protego.parse("")  # the guard will say what is wrong with it
        if (rules := robots.get(origin)) is not None:
            return rules
        parts = urlsplit(url)
        answer = self._fetch(urlunsplit((parts.scheme, parts.netloc, "/robots.txt", "", "")), None)
        is_there = answer.status == 200
        text = decode(answer.content, answer.charset)[:MAX_ROBOTS] if is_there else ""
        rules = Protego.parse(text)
        robots.put(origin, rules)
        return rules

    def _fetch(self, url: str, headers: dict[str, str] | None) -> Fetched:
        return fetch(
            url,
            self._origins,
            self._settings.allow_private_hosts,
            user_agent=self._agent,
            headers=headers,
        )

    def _secured(self, url: str) -> str:
        """Sites that moved to https still list their old addresses."""
        secured = "https:" + url.removeprefix("http:")
        is_old = url.startswith("http:") and _origin(url) not in self._origins
        return secured if is_old and _origin(secured) in self._origins else url


def _origins(source: Source, pull: Pull) -> frozenset[str]:
    urls = (pull.url, source.base_url, *(f"https://{host}" for host in source.hosts))
    return frozenset(filter(None, map(_origin, urls)))


def _origin(url: str) -> str:
    try:
        return origin_of(url)
    except ValueError:
        return ""


__all__ = ["BudgetSpentError", "DisallowedError", "FetchFailed", "Site", "robots", "user_agent"]
