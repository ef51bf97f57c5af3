"""`tellal archive` and `tellal topic what-if`: learning from the past, told to nobody."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.db import utcnow
from service.learning.archive import import_archive
from service.learning.archive_file import ArchiveItem
from service.models import ArchiveText, Article, AuditEntry, TopicLabel
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")

CLIMATE = "iklim-cevre"


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def import_(file: str, staff: str = EDITOR) -> Result:
    return invoke("archive", "import", file, "--staff", staff)


@pytest.fixture
def archive(tmp_path: Path):
    def write(*items: object) -> str:
        path = tmp_path / "archive.jsonl"
        lines = [item if isinstance(item, str) else json.dumps(item) for item in items]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return str(path)

    return write


OLD = {"id": 7, "title": "İklim eylem planı", "body": "Karbon\u2028salımı.", "topics": [CLIMATE]}


def test_an_archive_is_imported_once_and_told_to_nobody(archive, town, work):
    town.reader(None)
    file = archive(OLD, {"id": "8", "summary": "Kısa metin.", "published_at": "2020-01-01"})

    first, second = import_(file), import_(file)
    work()

    assert first.stdout == "2 articles added, 0 were there already.\n", first.output
    assert second.stdout == "0 articles added, 2 were there already.\n"
    row = next(row for row in town.all(ArchiveText) if row.external_id == "7")
    assert (row.title, row.body_text, row.topics) == (OLD["title"], OLD["body"], [CLIMATE])
    assert town.count(Article) == len(town.news()) == town.mails().total() == 0
    assert [(entry.act, entry.detail) for entry in town.all(AuditEntry)] == [
        ("archive.import", {"file": "archive.jsonl", "articles": 2})
    ] * 2


def test_a_file_that_repeats_an_article_adds_it_once_and_leaves_out_a_damaged_one(archive, town):
    broken = {"id": "9", "title": "?klim ?antiyesi Bü?üdü"}

    result = import_(archive(OLD, {**OLD, "title": "Yine"}, broken))

    assert result.stdout == (
        "1 articles added, 1 were there already.\n1 left out: their texts are damaged.\n"
    )
    assert [row.title for row in town.all(ArchiveText)] == [OLD["title"]]


def test_a_byte_order_mark_and_empty_lines_are_no_mistakes(archive, town):
    assert import_(archive("\ufeff" + json.dumps(OLD), "", " ")).exit_code == 0
    assert town.count(ArchiveText) == 1


def test_times_of_any_zone_are_kept_in_utc(archive, town):
    import_(archive({**OLD, "published_at": "2020-01-01T02:00:00+03:00"}))

    (row,) = town.all(ArchiveText)
    assert row.published_at.isoformat() == "2019-12-31T23:00:00+00:00"


def test_two_imports_at_once_store_each_article_once(runtime, town):
    items = [ArchiveItem(id=str(number), title="Haber") for number in range(600)]
    together = Barrier(2)

    def store(given: list[ArchiveItem]) -> int:
        together.wait()
        return import_archive(runtime.db, given, utcnow(), lambda _: None).added

    with ThreadPoolExecutor(2) as pool:
        added = list(pool.map(store, (items, items[::-1])))

    assert sum(added) == town.count(ArchiveText) == 600


def test_nobody_but_staff_imports(archive, town):
    result = import_(archive(OLD), staff="kim@example.org")

    assert "nobody of the staff" in result.output
    assert town.count(ArchiveText) == 0


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ("{", "line 2: is not JSON"),
        ("[1]", "line 2: must be an object"),
        ({"id": "9"}, "line 2: has no text"),
        ({"title": "x"}, "line 2: id: Field required"),
        ({"id": "9", "title": "x", "topics": ["yok"]}, "line 2: there is no topic 'yok'"),
        ({"id": "9", "title": "a\0b"}, "line 2: holds a NUL character"),
        ({"id": "9", "title": "x", "published_at": "dün"}, "line 2: published_at:"),
        (
            {"id": "9", "title": "x", "published_at": "0001-01-01T00:00:00+14:00"},
            "line 2: published_at: is before the year 1 or after 9999 in UTC",
        ),
        ({"id": "9", "title": "x", "more": "y" * 2_200_000}, "line 2: is longer than 2 MB"),
        ({"id": "9", "title": "\ud800"}, "line 2: title:"),
    ],
)
def test_a_file_with_a_mistake_is_refused_whole(archive, town, item, said):
    result = import_(archive(OLD, item))

    assert result.exit_code == 2
    assert said in result.output
    assert town.count(ArchiveText) == 0


def test_a_mistake_behind_a_long_line_is_named_with_its_own_number(archive, town):
    long = {"id": "8", "title": "x", "more": "y" * 5_000_000}

    result = import_(archive(OLD, long, "{"))

    assert "line 2: is longer" in result.output
    assert "line 3: is not JSON" in result.output
    assert "2 lines cannot be imported" in result.output


def test_what_if_says_who_would_gain_and_lose_and_changes_nothing(
    archive, cms, town, work, settings, tmp_path
):
    town.reader(CLIMATE)
    import_(archive(OLD, {"id": "8", "title": "Zeytin hasadı başladı"}))
    cms.post()
    work()
    before = {(label.topic_id, label.state) for label in town.all(TopicLabel)}
    topics = (settings.config_dir / "topics.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "topics.yaml"
    changed.write_text(_without_climate_terms(topics), encoding="utf-8")

    result = invoke("topic", "what-if", str(changed))

    lines = result.stdout.splitlines()
    assert any(line.startswith(f"article 1\t-{CLIMATE}\t") for line in lines), result.output
    assert any(line.startswith(f"archive 7\t-{CLIMATE}\t") for line in lines)
    assert f"{CLIMATE}: 0 would gain it, 2 lose it; 1 asked for it" in lines
    assert lines[-1] == "3 articles read, 2 would change."
    assert {(label.topic_id, label.state) for label in town.all(TopicLabel)} == before


def test_what_if_leaves_out_what_staff_decided(cms, work, settings, tmp_path):
    cms.post()
    work()
    invoke("review", "accept", "1", CLIMATE, "--staff", EDITOR)
    topics = (settings.config_dir / "topics.yaml").read_text(encoding="utf-8")
    changed = tmp_path / "topics.yaml"
    changed.write_text(_without_climate_terms(topics), encoding="utf-8")

    result = invoke("topic", "what-if", str(changed))

    assert result.stdout == "1 articles read, 0 would change.\n"


def test_what_if_with_the_same_terms_changes_nothing(archive, settings):
    import_(archive(OLD))

    result = invoke("topic", "what-if", str(settings.config_dir / "topics.yaml"))

    assert result.stdout == "1 articles read, 0 would change.\n"


def test_a_mistake_in_the_terms_is_named(tmp_path):
    path = tmp_path / "topics.yaml"
    path.write_text("topics: 7\n", encoding="utf-8")

    result = invoke("topic", "what-if", str(path))

    assert result.exit_code == 2
    assert str(path) in result.output


def _without_climate_terms(topics: str) -> str:
    """The same file, the terms of the climate replaced by one that no text here has."""
    import yaml

    data = yaml.safe_load(topics)
    entry = next(item for item in data["topics"] if item["slug"] == CLIMATE)
    entry["terms"] = ["buzullar"]
    return yaml.safe_dump(data, allow_unicode=True)
