"""`tellal source`: credentials of every scheme, shown once, rotated, and never as an option."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from service.cli import cli
from service.db import utcnow
from service.models import Source
from service.runtime import Runtime

pytestmark = pytest.mark.usefixtures("command_line")


@pytest.fixture
def file(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / f"secret-{len(text)}"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("source", *words))


def only(runtime: Runtime) -> Source:
    with runtime.db.read() as session:
        return session.scalars(select(Source)).one()


def test_a_signed_source_takes_the_secret_that_its_cms_made(runtime: Runtime, file) -> None:
    words = ["--identifier", "0f4b", "--base-url", "https://www.izmir.bel.tr/", "--rate", "1200"]
    given = file("typo3-test-secret\n")
    result = invoke("add", "portal", "--preset", "typo3", "--secret-file", given, *words)

    assert result.exit_code == 0, result.output
    assert "typo3-test-secret" not in result.output
    row = only(runtime)
    assert runtime.vault.decrypt(row.sealed_secret) == "typo3-test-secret"
    assert (row.scheme, row.identifier, row.base_url, row.rate_per_minute) == (
        *("typo3", "0f4b", "https://www.izmir.bel.tr/", 1200),
    )


@pytest.mark.parametrize("option", ["--token-file", "--secret-file", None])
def test_an_unsigned_source_has_a_token_given_or_new(runtime: Runtime, file, option) -> None:
    words = [option, file("test-token\n")] if option else []
    api = ["--api-url", "http://cms:1337", "--api-token-file", file("read-only")]
    result = invoke("add", "cms", "--preset", "directus", *words, *api)

    assert result.exit_code == 0, result.output
    row = only(runtime)
    token = runtime.vault.decrypt(row.sealed_secret)
    assert token == "test-token" if option else token == result.output.splitlines()[-1]
    assert runtime.vault.decrypt(row.sealed_token) == "read-only"
    assert row.rate_per_minute == 600


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--preset", "gost"), "did you mean 'ghost'?"),
        (("--preset", "ghost", "--scheme", "bearer"), "possible are ghost, ghost-body"),
        (("--preset", "typo3"), "--identifier: TYPO3 signs"),
        (("--preset", "ghost", "--token-file", "{short}"), "for the scheme bearer alone"),
        (("--preset", "ghost", "--secret-file", "{short}"), "at least 8 characters"),
        (("--secret-file", "{plain}"), "must be whsec_"),
        (("--base-url", "www.izmir.bel.tr"), "is no address"),
        (("--base-url", "https://host:99999"), "--base-url: “https://host:99999” is no address"),
        (("--api-url", "https://host:http/"), "is no address"),
        (("--api-url", "https://[::1/"), "is no address"),
        (("--base-url", "https://:443/"), "is no address"),
        (("--rate", "0"), "0 is not in the range"),
        (("--secret-file", "nowhere.txt"), "does not exist"),
    ],
)
def test_a_source_that_could_never_prove_itself_is_refused(runtime, file, words, said) -> None:
    files = {"short": file("abc"), "plain": file("this is no base64")}
    result = invoke("add", "cms", *(word.format(**files) for word in words))

    assert result.exit_code == 2
    assert said in result.output.replace("\n", " ")


def test_a_rotation_keeps_the_previous_secret_for_seven_days(runtime: Runtime) -> None:
    old = invoke("add", "cms", "--preset", "wordpress").output.splitlines()[-1]
    result = invoke("rotate", "cms")

    assert result.exit_code == 0, result.output
    row, new = only(runtime), result.output.splitlines()[-1]
    assert runtime.vault.decrypt(row.sealed_secret) == new != old
    assert runtime.vault.decrypt(row.sealed_previous_secret) == old
    assert timedelta(days=6, hours=23) < row.previous_until - utcnow() <= timedelta(days=7)
    assert "did you mean 'cms'?" in invoke("rotate", "cmss").output


def test_the_list_says_what_each_proof_is_worth(runtime: Runtime) -> None:
    for preset in ("tellal", "ghost", "wordpress", "strapi"):
        invoke("add", f"the-{preset}", "--preset", preset)
    with runtime.db.write() as session:
        row = session.scalars(select(Source).where(Source.slug == "the-ghost")).one()
        row.last_matched = "previous"
    lines = dict(line.split(": ", 1) for line in invoke("list").output.splitlines())

    assert "unsigned" not in lines["the-tellal"]
    assert "no replay protection" not in lines["the-ghost"]
    assert "last matched: previous" in lines["the-ghost"]
    assert "signed, no replay protection" in lines["the-wordpress"]
    assert "unsigned, no replay protection" in lines["the-strapi"]
