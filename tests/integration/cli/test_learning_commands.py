"""`tellal archive` and `tellal topic what-if`: learning from the past, told to nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import ArchiveText, Article, Notification, TopicLabel
from service.settings import Settings

CLIMATE = "iklim-cevre"


@pytest.fixture(autouse=True)
def _environment(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLAL_VAR_DIR", str(settings.var_dir))
    monkeypatch.setenv("TELLAL_LOG_LEVEL", "ERROR")
    for name in ("database_url", "redis_url", "secret_key", "encryption_key"):
        monkeypatch.setenv(f"TELLAL_{name.upper()}", getattr(settings, name).get_secret_value())


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


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

    first, second = invoke("archive", "import", file), invoke("archive", "import", file)
    work()

    assert first.stdout == "2 articles added, 0 were there already.\n", first.output
    assert second.stdout == "0 articles added, 2 were there already.\n"
    row = next(row for row in town.all(ArchiveText) if row.external_id == "7")
    assert (row.title, row.body_text, row.topics) == (OLD["title"], OLD["body"], [CLIMATE])
    assert town.count(Article) == town.count(Notification) == town.mails().total() == 0


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
    ],
)
def test_a_file_with_a_mistake_is_refused_whole(archive, town, item, said):
    result = invoke("archive", "import", archive(OLD, item))

    assert result.exit_code == 2
    assert said in result.output
    assert town.count(ArchiveText) == 0


def test_what_if_says_who_would_gain_and_lose_and_changes_nothing(
    archive, cms, town, work, settings, tmp_path
):
    town.reader(CLIMATE)
    invoke("archive", "import", archive(OLD, {"id": "8", "title": "Zeytin hasadı başladı"}))
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


def test_what_if_with_the_same_terms_changes_nothing(archive, settings):
    invoke("archive", "import", archive(OLD))

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
