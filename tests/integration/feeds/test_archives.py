"""Archives of feeds: complete for who walks, and the same for ever once a month is closed."""

from __future__ import annotations

import gzip
import itertools
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Barrier

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from service.app import create_app
from service.feeds import archives
from service.ledger import closing
from service.models import ArchiveMonth, ArticleState
from service.runtime import Runtime
from service.settings import Settings
from tests.feed_rules import findings
from tests.integration.feeds.archive import FORMATS, GRACE, ZONE, Paper

DAY = timedelta(days=1)


@pytest.fixture
def paper(runtime, client) -> Paper:
    return Paper(runtime, client)


@pytest.fixture
def small_parts(monkeypatch) -> None:
    monkeypatch.setattr(archives, "PART_SIZE", 3)


def test_a_walk_finds_every_article_once_and_as_it_is_now(paper, small_parts):
    paper.publish(at=datetime(1969, 7, 20, tzinfo=ZONE))
    first = [paper.publish() for _ in range(8)]
    paper.wait(days=35)
    paper.publish(("spor",))
    assert paper.close() == ["1970-01", "2025-03"]
    paper.edit(first[0], "Düzeltildi")
    paper.publish(at=paper.now - 30 * DAY, title="Geç geldi")
    paper.withdraw(first[1])
    paper.wait(days=70)
    assert paper.close() == ["2025-04"]
    for _ in range(30):
        paper.publish()

    for suffix in FORMATS:
        known, names = paper.walk("all", suffix)
        assert {title for _, title in known.values()} == paper.public()
        assert len(known) == len(paper.public())
        parts = [name.partition("/")[2].partition(".")[0] for name in names]
        assert parts[1] == "open-2025-05"
        assert parts[-5:] == ["2025-04", "2025-03", "2025-03-2", "2025-03-3", "1970-01"]
    spor, names = paper.walk("spor", "atom")
    assert len(spor) == 1
    assert names == ["spor.atom", "spor/open-2025-05.atom", "spor/2025-04.atom"]


def test_a_closed_month_never_changes(paper):
    kept, edited, moved = (paper.publish() for _ in range(3))
    paper.wait(days=35)
    assert paper.close() == ["2025-03"]
    before = {suffix: paper.get(f"ulasim/2025-03.{suffix}") for suffix in FORMATS}

    paper.edit(edited, "Sonradan")
    paper.add_topic(moved, "spor")
    paper.publish(at=paper.now - 30 * DAY)
    paper.wait(days=35)
    paper.publish()
    paper.wait(days=35)
    assert paper.close() == ["2025-05"]

    for suffix, first in before.items():
        again = paper.get(f"ulasim/2025-03.{suffix}")
        assert (again.data, again.headers["ETag"]) == (first.data, first.headers["ETag"])
        for name, value in (("max-age", "31536000"), ("s-maxage", "3600"), ("immutable", None)):
            assert f"{name}={value}" if value else name in again.headers["Cache-Control"]
        known = paper.get(f"ulasim/2025-03.{suffix}", **{"If-None-Match": first.headers["ETag"]})
        assert (known.status_code, known.data) == (304, b"")
        assert "hub" not in str(again.headers.getlist("Link"))
    assert paper.get("spor/2025-03.atom").status_code == 404
    assert "Sonradan" in paper.get("ulasim/2025-05.atom").text
    assert kept


def test_what_is_withdrawn_can_be_read_in_no_archive(paper):
    gone = paper.publish(title="Yanlış haber")
    paper.publish(title="Kalan")
    paper.wait(days=35)
    paper.close()
    before = {suffix: paper.get(f"all/2025-03.{suffix}") for suffix in FORMATS}

    paper.withdraw(gone)

    for suffix in FORMATS:
        after = paper.get(f"all/2025-03.{suffix}")
        assert after.headers["ETag"] != before[suffix].headers["ETag"]
        assert "Yanlış haber" not in after.text
        assert "Kalan" in after.text
    assert len(paper.read("all/2025-03.atom").gone) == 1
    assert paper.read("all/2025-03.rss").gone == paper.read("all/2025-03.json").gone == set()

    paper.wait(days=1)
    paper.set_state(gone, ArticleState.PUBLISHED)
    assert "Yanlış haber" in paper.get("all/2025-03.atom").text


def test_closing_a_month_changes_every_feed_that_has_an_archive(paper):
    paper.publish()
    paper.wait(days=35)
    keys = ("all", "ulasim", "spor")
    before = {key: paper.get(f"{key}.atom") for key in keys}

    paper.close()

    after = {key: paper.get(f"{key}.atom") for key in keys}
    changed = {key for key in keys if before[key].headers["ETag"] != after[key].headers["ETag"]}
    assert changed == {"all", "ulasim"}
    assert paper.read("all.rss").older.endswith("/feeds/all/open-2025-04.rss")
    assert paper.read("all/open-2025-04.rss").older.endswith("/feeds/all/2025-03.rss")
    assert paper.read("all/2025-03.rss").older is None
    assert paper.read("spor.json").older is None


def test_who_is_on_the_way_while_a_month_is_closed_misses_nothing(paper, small_parts):
    for _ in range(7):
        paper.publish()
        paper.wait(hours=1)
    first = paper.read("all/open.atom")
    paper.wait(days=40)

    paper.close()

    path = first.older.partition("/feeds/")[2]
    found = {title for *_, title in first.entries}
    while path:
        document = paper.read(path)
        found |= {title for *_, title in document.entries}
        path = (document.older or "").partition("/feeds/")[2]
    assert found == paper.public()


def test_months_begin_at_the_citys_midnight(paper):
    before = datetime(2025, 3, 31, 23, 59, 59, tzinfo=ZONE)
    paper.now = datetime(2025, 4, 1, 0, 0, 5, tzinfo=ZONE)
    paper.publish(at=before, title="Mart")
    paper.publish(at=before + timedelta(seconds=1), title="Nisan")

    paper.now = datetime(2025, 4, 1, tzinfo=ZONE) + GRACE - timedelta(seconds=1)
    assert paper.close() == []
    paper.wait(seconds=1)
    assert paper.close() == ["2025-03"]

    assert [title for *_, title in paper.read("all/2025-03.atom").entries] == ["Mart"]
    assert [title for *_, title in paper.read("all/open-2025-04.atom").entries] == ["Nisan"]


def test_what_is_killed_in_the_middle_goes_on_and_ends_the_same(paper, monkeypatch, runtime):
    articles = [paper.publish() for _ in range(7)]
    paper.wait(days=40)
    monkeypatch.setattr(closing, "STEP", 2)

    class Killed(BaseException):
        pass

    def die(month, frozen):
        raise Killed

    for _ in range(2):
        with pytest.raises(Killed):
            list(closing.close_due(runtime.db, ZONE, GRACE, paper.now, die))
    assert paper.get("all/2025-03.atom").status_code == 404
    paper.edit(articles[0], "Arada")  # it is frozen already: this text belongs to a later month
    assert paper.close() == ["2025-03"]
    assert paper.close() == []

    assert len(paper.read("all/2025-03.atom").entries) == 7
    assert paper.titles("all") == paper.public()
    assert [title for *_, title in paper.read("all/open-2025-04.atom").entries] == ["Arada"]


def test_several_that_close_at_once_close_once(paper, monkeypatch, runtime):
    for _ in range(9):
        paper.publish()
        paper.wait(days=5)
    paper.wait(days=40)
    monkeypatch.setattr(closing, "STEP", 2)
    ready = Barrier(3)

    def close(_):
        ready.wait(10)
        return list(closing.close_due(runtime.db, ZONE, GRACE, paper.now))

    with ThreadPoolExecutor(3) as pool:
        closed = set().union(*pool.map(close, range(3)))

    assert {str(month) for month in closed} == {"2025-03", "2025-04"}
    with runtime.db.read() as session:
        assert [one.articles for one in closing.closed_months(session)] == [4, 5]
        for month in session.query(ArchiveMonth):
            assert month.closed_seq == month.changed_seq
    assert paper.titles("all") == paper.public()


def test_what_is_no_document_answers_404(paper, subtests):
    paper.publish()
    paper.wait(days=40)
    paper.close()
    names = ["2025-04", "2025-03-1", "2025-03-2", "2025-03-0", "2025-3", "2025-13", "2099-01"]
    names += ["open-2025-09", "open-2025-04-before-", f"open-before-{'9' * 20}", "x", "٢٠٢٥-03"]
    for name in names:
        with subtests.test(name):
            assert paper.get(f"all/{name}.atom").status_code == 404
    assert paper.get("all/2025-03.atom").status_code == 200


def test_keys_of_archives_are_those_of_feeds(paper):
    paper.publish()
    answer = paper.get("Ulaşım+ulasim/open.json")
    assert answer.status_code == 308
    assert answer.headers["Location"] == "http://localhost:8080/feeds/ulasim/open.json"
    assert paper.get("yok/open.json").status_code == 404
    assert paper.get(f"{'+'.join(f't{n}' for n in range(13))}/open.json").status_code == 400
    fresh = paper.get("all/open.json")
    assert fresh.headers["Cache-Control"].startswith("public, max-age=60,")
    known = paper.get("all/open.json", **{"If-None-Match": fresh.headers["ETag"]})
    assert known.status_code == 304


def test_documents_of_archives_are_served_as_feeds_are(paper, clock, subtests):
    gone = paper.publish(title="]]> &nbsp; \x01 🌊")
    for _ in range(3):
        paper.wait(hours=1)
        paper.publish(places=("bornova",))
    paper.wait(days=40)
    paper.close()
    paper.publish()
    paper.withdraw(gone)
    clock.advance(seconds=3)

    for name in ("all/2025-03", "all/open-2025-04", "ulasim@bornova/2025-03"):
        for suffix in FORMATS:
            with subtests.test(f"{name}.{suffix}"):
                plain = paper.get(f"{name}.{suffix}")
                small = paper.get(f"{name}.{suffix}", **{"Accept-Encoding": "gzip"})
                assert findings(plain.data) == []
                assert gzip.decompress(small.data) == plain.data
                assert small.headers["ETag"] == plain.headers["ETag"]
                assert plain.headers["Vary"] == "Accept-Encoding"
                assert "sandbox" in plain.headers["Content-Security-Policy"]
                at = {"If-Modified-Since": plain.headers["Last-Modified"]}
                assert paper.get(f"{name}.{suffix}", **at).status_code == 304
    asked = paper.client.options("/feeds/all/2025-03.json", headers={"Origin": "https://a.example"})
    assert "If-None-Match" in asked.headers["Access-Control-Allow-Headers"]


def test_a_correction_of_an_old_article_returns_in_the_feed(paper):
    old = paper.publish()
    for _ in range(30):
        paper.wait(hours=1)
        paper.publish()
    assert "Düzeltildi" not in paper.get("all.rss").text
    paper.wait(days=60)
    paper.close()

    paper.edit(old, "Düzeltildi")

    for suffix in FORMATS:
        assert [title for *_, title in paper.read(f"all.{suffix}").entries][-1] == "Düzeltildi"


def test_an_earlier_text_that_comes_back_is_the_latest(paper):
    article = paper.publish(title="Eski")
    paper.wait(days=1)
    paper.edit(article, "Yeni")
    paper.wait(days=40)
    paper.close()
    paper.edit(article, "Eski")

    for suffix in FORMATS:
        assert paper.titles("all", suffix) == {"Eski"}


def test_who_asks_for_too_many_archives_waits(paper, monkeypatch):
    monkeypatch.setattr("service.feeds.archive_routes.LIMITS", "2/minute")
    paper.publish()
    first = paper.get("all/open.atom")
    assert [paper.get("all/open.atom").status_code for _ in range(2)] == [200, 429]
    assert paper.get("all/open.atom").headers["Retry-After"] == "60"
    known = paper.get("all/open.atom", **{"If-None-Match": first.headers["ETag"]})
    assert known.status_code == 304


EDITS = ("edit", "edit", "revert", "revert", "withdraw", "back", "late", "publish")
# Between two closings so many things happen to some of the articles.
SEASONS = st.lists(
    st.lists(st.tuples(st.sampled_from(EDITS), st.integers(0, 40)), min_size=2, max_size=6),
    min_size=3,
    max_size=4,
)


@contextmanager
def empty_town(template: Path, settings: Settings) -> Iterator[Paper]:
    """A town of its own for one example."""
    with TemporaryDirectory() as folder:
        path = shutil.copy(template, Path(folder) / "tellal.db")
        own = settings.model_copy(update={"database_url": SecretStr(f"sqlite:///{path}")})
        app = create_app(own)
        runtime: Runtime = app.extensions["tellal"]
        yield Paper(runtime, app.test_client())
        runtime.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@given(seasons=SEASONS)
@hypothesis_settings(
    max_examples=6,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_happens_a_walk_ends_with_what_is_public(seasons, sqlite_template, settings):
    with pytest.MonkeyPatch.context() as patch, empty_town(sqlite_template, settings) as paper:
        patch.setattr(archives, "PART_SIZE", 4)
        patch.setattr(closing, "STEP", 2)
        patch.setattr("service.feeds.archive_routes.LIMITS", "100000/minute")
        life, suffixes = Life(paper), itertools.cycle(FORMATS)
        for season in seasons:
            life.act("publish", 0)
            for act, number in season:
                life.act(act, number)
            # Without the feed itself, which holds all that few articles say.
            known, _ = paper.walk("all", next(suffixes), archive_alone=True)
            assert sorted(title for _, title in known.values()) == sorted(paper.public())
            paper.wait(days=45)
            paper.close()


class Life:
    """What happens to the articles of a paper, one act after the other."""

    def __init__(self, paper: Paper) -> None:
        self.paper, self.numbers = paper, itertools.count(1)
        self.public: list[int] = []
        self.gone: list[int] = []

    def act(self, act: str, number: int) -> None:
        """`number` chooses the article, or how many days ago a late one was published."""
        paper, text = self.paper, f"{act} {next(self.numbers)}"
        paper.wait(hours=number, minutes=1)
        chosen = self.public[number % len(self.public)] if self.public else 0
        if act == "publish":
            self.public.append(paper.publish(title=text))
        elif act == "late":
            self.public.append(paper.publish(at=paper.now - number * DAY, title=text))
        elif act == "edit" and chosen:
            paper.edit(chosen, text)
        elif act == "revert" and chosen:
            paper.revert(chosen)
        elif act == "withdraw" and chosen:
            self.public.remove(chosen)
            self.gone.append(chosen)
            paper.withdraw(chosen)
        elif act == "back" and self.gone:
            self.public.append(self.gone.pop())
            paper.set_state(self.public[-1], ArticleState.PUBLISHED)
