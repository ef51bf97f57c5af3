"""`tellal chat preview` and `tellal chat check`: chat messages before anybody gets them."""

from __future__ import annotations

import shutil

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import Article
from service.settings import load

pytestmark = pytest.mark.usefixtures("command_line")


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("chat", *words))


@pytest.fixture
def article(cms, town, work, clock) -> Article:
    cms.post()
    work()
    clock.advance(hours=1)
    work()
    return town.all(Article)[0]


@pytest.fixture
def own_templates(tmp_path, monkeypatch):
    """The folder of chat templates of this test's own."""
    folder = tmp_path / "config"
    shutil.copytree(load().config_dir, folder)
    (folder / "chat").mkdir(exist_ok=True)
    monkeypatch.setenv("TELLAL_CONFIG_DIR", str(folder))
    return folder / "chat"


def test_a_preview_is_the_message_that_a_room_gets(article):
    words = ("--service", "discord", "--language", "en", "--kind", "correction", "--note", "At 10.")

    shown = invoke("preview", str(article.id), *words)

    assert shown.exit_code == 0, shown.output
    assert "Service: discord, written as markdown\nSize: " in shown.output
    assert "of 2,000 UTF-16 units\n" in shown.output
    assert "\n\n**Correction: " in shown.output
    assert "What changed: At 10." in shown.output
    assert "[Read the full story](https://" in shown.output


def test_each_service_has_a_preview(article):
    for service, said in {
        "tgram": "written as html",
        "ntfy": "Priority: 3; tags: none; opens: https://",
        "webhook": '"type": "article.published"',
        "text": "of 1,500 bytes",
    }.items():
        shown = invoke("preview", str(article.id), "--service", service)
        assert said in shown.output, shown.output


def test_what_cannot_be_shown_is_refused_in_a_sentence(article):
    refused = invoke("preview", str(article.id), "--service", "icq")

    assert "there is no service icq; there are: discord" in refused.output
    assert "there is no article 999" in invoke("preview", "999").output


def test_templates_are_tried(article, own_templates):
    assert "can be written" in invoke("check").output
    (own_templates / "article.md").write_text("{{ heading }}")
    (own_templates / "artikel.md").write_text("")
    (own_templates / "list.icq.md").write_text("")

    found = invoke("check")

    assert "until that is mended" in found.output
    assert "chat/article.md, line 1: UndefinedError: 'heading' is undefined" in found.output
    assert "chat/artikel.md: no chat message uses" in found.output
    assert "chat/list.icq.md: no chat message uses" in found.output
    (own_templates / "article.md").write_text("{{ 'x' * 100000000 }}")
    assert "it writes or repeats far more than a message can hold" in invoke("check").output
    shown = invoke("preview", str(article.id), "--service", "zulip")
    assert "The program's own template is used instead" in shown.output
    assert "\n\n**" in shown.output
