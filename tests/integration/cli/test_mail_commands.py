"""`tellal mail preview` and `tellal mail check`: letters before anybody gets them."""

from __future__ import annotations

import email
import email.policy
import shutil

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import Article
from service.settings import load

pytestmark = pytest.mark.usefixtures("command_line")


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("mail", *words))


@pytest.fixture
def article_id(cms, town, work, clock) -> str:
    town.reader()
    cms.post()
    work()
    clock.advance(hours=1)
    work()
    return str(town.all(Article)[0].id)


@pytest.fixture
def own_config(tmp_path, monkeypatch):
    """A config folder of this test's own."""
    folder = tmp_path / "config"
    shutil.copytree(load().config_dir, folder)
    (folder / "mail").mkdir(exist_ok=True)
    monkeypatch.setenv("TELLAL_CONFIG_DIR", str(folder))
    return folder


def test_a_preview_is_the_letter_that_a_reader_gets(article_id, runtime):
    shown = invoke("preview", article_id)

    assert shown.exit_code == 0, shown.output
    assert "To: reader@example.com" in shown.output
    assert "Subject: " in shown.output
    assert "Size: " in shown.output
    token = shown.output.partition("/u/")[2].split(">")[0]
    assert runtime.vault.numbers("unsubscribe", token, 3) == (0, 0, 0)


@pytest.mark.parametrize(
    ("suffix", "start"), [("eml", "From: "), ("html", "<!DOCTYPE html>"), ("txt", "Withdrawn: ")]
)
def test_a_preview_goes_into_a_file(article_id, tmp_path, suffix, start):
    file = tmp_path / f"letter.{suffix}"

    shown = invoke(
        *("preview", article_id, "--language", "en", "--kind", "withdrawal"),
        *("--note", "Yanlış", "--out", str(file)),
    )

    assert shown.exit_code == 0, shown.output
    assert file.read_text("utf-8").startswith(start)
    if suffix == "eml":
        letter = email.message_from_bytes(file.read_bytes(), policy=email.policy.strict)
        assert "Why: Yanlış" in letter.get_body(("plain",)).get_content()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("999",), "there is no article 999"),
        (("1", "--out", "letter.pdf"), "must end in .eml, .html or .txt"),
        ((), "name an ARTICLE, or one of the service's own letters"),
        (("1", "--letter", "confirm"), "name an ARTICLE, or one of the service's own letters"),
        (
            ("--letter", "no-such"),
            "there is no letter no-such; there are: confirm, ",
        ),
    ],
)
def test_a_preview_that_cannot_be_says_why(words, why):
    shown = invoke("preview", *words)

    assert shown.exit_code == 2
    assert why in shown.output


def test_a_folder_that_is_not_there_is_said(article_id, tmp_path):
    shown = invoke("preview", article_id, "--out", str(tmp_path / "no" / "a.eml"))

    assert "cannot be written" in shown.output


def test_a_preview_with_a_broken_template_shows_what_readers_get(article_id, own_config):
    (own_config / "mail" / "article.txt").write_text("{{ title")

    shown = invoke("preview", article_id)

    assert shown.exit_code == 0
    assert "article.txt, line 1" in shown.output
    assert "/u/" in shown.output


@pytest.mark.parametrize("language", ["tr", "en"])
def test_a_letter_of_the_service_can_be_seen_too(language, runtime):
    shown = invoke("preview", "--letter", "sign_in", "--language", language)

    assert shown.exit_code == 0, shown.output
    assert "List-Id" not in shown.output
    path = "/en/sign-in/" if language == "en" else "/sign-in/"
    token = shown.output.partition(path)[2].split()[0]
    assert runtime.vault.numbers("sign-in", token, 1) == (0,)


def test_check_says_what_is_wrong(own_config):
    assert "Every kind of letter can be written" in invoke("check").output
    (own_config / "mail" / "why.txt").write_text("{{ nobody }}")

    shown = invoke("check")

    assert shown.exit_code == 2
    assert "why.txt, line 1: 'nobody' is undefined" in shown.output
