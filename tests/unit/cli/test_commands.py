"""What every command owes: it loads, it stays quick, it says no in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from service.cli import COMMANDS, cli
from service.cli.refusal import explain

ROOT = Path(__file__).parents[3]
TOO_LARGE = "99999999999999999999999"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_loads_and_explains_itself(name: str) -> None:
    result = CliRunner().invoke(cli, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.output


def numbered() -> Iterator[list[str]]:
    """Every command that takes the number of something, with one that no database holds."""
    for name in COMMANDS:
        command = cli.get_command(click.Context(cli), name)
        for sub in getattr(command, "commands", {}).values():
            if any(param.name.endswith("_id") for param in sub.params):
                yield [name, sub.name, *chain.from_iterable(map(given, sub.params))]


def given(param: click.Parameter) -> list[str]:
    if isinstance(param, click.Argument):
        return [TOO_LARGE if param.name.endswith("_id") else "x"]
    is_number = isinstance(param.type, click.IntRange | click.types.IntParamType)
    return [param.opts[0], "1" if is_number else "x"] if param.required else []


@pytest.mark.parametrize("words", list(numbered()), ids=" ".join)
def test_a_number_that_no_database_holds_is_refused_in_one_sentence(words: list[str]) -> None:
    result = CliRunner().invoke(cli, words)

    assert result.exit_code == 2
    assert f"{TOO_LARGE} is not in the range" in result.output


def test_loading_every_command_imports_neither_the_workers_nor_anything_heavy() -> None:
    code = (
        "import sys, service.cli as c; [c.cli.get_command(None, n).name for n in c.COMMANDS];"
        "heavy = {'workers', 'flask', 'sqlalchemy.orm', 'rich'} & set(sys.modules);"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_classify_gives_topics_with_evidence_and_places() -> None:
    article = {"id": "a1", "title": "Bornova’da sokağa yeni su hattı", "summary": "", "body": ""}
    result = CliRunner().invoke(cli, ["classify"], input=json.dumps(article) + "\n\n")
    assert result.exit_code == 0, result.output
    [line] = result.output.splitlines()
    found = json.loads(line)
    assert list(found) == ["id", "topics", "places"]
    assert found["id"] == "a1"
    assert found["places"] == ["bornova"]
    for topic in found["topics"]:
        assert list(topic) == ["slug", "score", "evidence"]
        assert topic["evidence"][0]["text"] in article["title"]


def test_classify_of_the_sample_article_finds_what_it_is_about() -> None:
    sample = json.loads((ROOT / "config" / "demo" / "article.json").read_text(encoding="utf-8"))
    sample["body"] = sample.pop("body_html").replace("<p>", "").replace("</p>", "\n")
    result = CliRunner().invoke(cli, ["classify"], input=json.dumps(sample))
    slugs = {topic["slug"] for topic in json.loads(result.output)["topics"]}
    assert {"iklim-cevre", "dis-iliskiler-ab"} <= slugs


def test_classify_says_which_line_is_wrong() -> None:
    result = CliRunner().invoke(cli, ["classify"], input='{"id": 1, "title": "a"}\n{half\n')
    assert result.exit_code == 2
    assert "line 2 is not JSON" in result.output


def test_classify_says_that_a_text_is_damaged() -> None:
    damaged = {"id": 1, "title": "?zmir B�y�k?ehir", "summary": "", "body": ""}
    result = CliRunner().invoke(cli, ["classify"], input=json.dumps(damaged))
    found = json.loads(result.output)
    assert found["topics"] == []
    assert found["damage"]


def test_an_unexpected_error_is_said_on_one_line() -> None:
    assert "\n" not in explain(ValueError("first\nsecond"))
    assert explain(PermissionError(13, "denied", "/var/x")).startswith("no permission for /var/x")
    assert "tellal migrate" in explain(RuntimeError("no such table: source"))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"id": 1}', "line 1 has no text"),
        (b'{"id": 1, "title": 5}', "line 1: title must be text"),
        (b'{"id": 1, "title": "\xff"}', "line 1 is not UTF-8"),
    ],
)
def test_classify_refuses_what_it_cannot_read(line: bytes, says: str) -> None:
    result = CliRunner().invoke(cli, ["classify"], input=line)
    assert (result.exit_code, says in result.output) == (2, True), result.output


def test_classify_reads_the_body_of_a_canonical_article() -> None:
    article = {"id": 1, "title": "Haber", "body_html": "<p>Sera gazı ve <b>iklim krizi</b></p>"}
    result = CliRunner().invoke(cli, ["classify"], input=json.dumps(article))
    assert [topic["slug"] for topic in json.loads(result.output)["topics"]] == ["iklim-cevre"]
