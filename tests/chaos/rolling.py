"""A rolling restart: every process of a city ends in order and starts again, one after the other.

Two web servers stand behind each other, as behind a proxy: what one does not take, the other does.
Meanwhile further articles are posted; each must be taken at the first round, and reach everybody
once, as the row's own article must.
"""

from __future__ import annotations

import time
import urllib.request

from service.cli import processes
from service.cli.drains import Drains
from tests.chaos.city import City, free_port
from tests.chaos.door import article
from tests.chaos.processes import Double
from tests.chaos.verdict import is_done, judge, read_ledger

ENDS_S = 90.0  # as `tellal drain` waits
DONE_S = 480.0
POSTED_AT = ("web", "email", "sweeper")  # an article is on its way when these are restarted


class Rolling:
    """One rolling restart; begin it before the article is posted, and end it after."""

    def __init__(self, city: City, mark: str) -> None:
        self._city, self._mark = city, mark
        self._drains = Drains(city.var)
        self._port = free_port()
        self._second = self._start_second()
        self._marks: list[str] = []

    def restart_all(self) -> None:
        """Each kind of process, the second web server after the first."""
        for name in processes.names():
            if name in POSTED_AT:
                self._post(f"{self._mark}-{name}")
            self._restart(name)
            if name == processes.WEB:
                self._second.end()
                self._second = self._start_second()

    def end(self) -> None:
        """Wait until the further articles are done; nobody was left out, nobody told twice."""
        try:
            for mark in self._marks:
                self._judge(mark)
        finally:
            self._second.end()

    def _restart(self, name: str) -> None:
        before = self._drains.running()
        mine = [one for one in before if one == name or one.rpartition("-")[0] == name]
        assert mine, f"{name} does not run"
        self._drains.ask(mine)
        city = self._city
        city.wait(lambda: not set(mine) & self._drains.running().keys(), ENDS_S, f"{name} stays")
        self._drains.end(mine)
        city.wait(lambda: set(mine) <= self._drains.running().keys(), ENDS_S, f"{name} is gone")
        assert all(self._drains.running()[one] != before[one] for one in mine)
        if name == processes.WEB:
            city.wait(lambda: _is_ready(city.url), ENDS_S, "web is not ready")

    def _post(self, mark: str) -> None:
        body = article(mark)
        doors = [self._city.door_at(url) for url in (self._city.url, self._url)]
        assert any(door.offer(mark, body) for door in doors), "both web servers refused an article"
        self._marks.append(mark)

    def _judge(self, mark: str) -> None:
        city = self._city
        city.wait(lambda: self._is_done(mark), DONE_S, f"{mark} is never done")
        time.sleep(1.0)  # for a copy that somebody might still send
        city.tapes.read()
        with city.db.read() as session:
            ledger = read_ledger(session, mark, city.who)
        arrived = city.tapes.arrived[mark].ids
        found = judge(city.expected, arrived, ledger, city.tapes.refused, is_done=True)
        counts = found.lost, found.doubled, found.unknown, found.untrue
        assert counts == (0, 0, 0, 0), f"{mark}: {found}"

    def _is_done(self, mark: str) -> bool:
        with self._city.db.read() as session:
            return is_done(session, mark)

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _start_second(self) -> Double:
        address = "127.0.0.1"
        swap = {f"{address}:{self._city.port}": f"{address}:{self._port}"}
        second = self._city.double(processes.WEB, swap)
        self._city.wait(lambda: _is_ready(self._url), ENDS_S, "the second web is not ready")
        return second


def _is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=1) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
