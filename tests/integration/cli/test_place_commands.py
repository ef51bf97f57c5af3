"""`tellal place`: districts by command line."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.models import AuditEntry, TaxonomyVersion
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")
WHY = ("--reason", "Deneme", "--staff", EDITOR)


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("place", *words))


def line(slug: str) -> str:
    return next(one for one in invoke("list").stdout.splitlines() if one.startswith(f"{slug}\t"))


def test_a_district_is_added_changed_and_taken_back(town):
    assert "Version 2" in invoke("add", "yeni", "--name", "Yeni", *WHY).stdout
    changed = invoke("change", "yeni", "--alias", "Yenice Park", "--off", "--position", "1", *WHY)
    assert "Version 3" in changed.stdout
    assert line("yeni") == "yeni\toff\tYeni\tYenice Park"
    assert invoke("list").stdout.startswith("yeni\t")
    assert "Version 4" in invoke("change", "yeni", "--no-alias", "Yenice Park", *WHY).stdout
    assert "Version 5" in invoke("rollback", "3", *WHY).stdout
    assert line("yeni") == "yeni\toff\tYeni\tYenice Park"
    assert len(town.all(TaxonomyVersion)) == 5
    acts = [entry.act for entry in town.all(AuditEntry)]
    assert acts == ["place.add", "place.change", "place.change", "place.rollback"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("change", "yok", *WHY), "there is no district"),
        (("change", "konak", *WHY), "Nothing changes"),
        (("add", "konak", "--name", "X", *WHY), "taken"),
        (("change", "konak", "--alias", "Bornova", *WHY), "stands for Bornova"),
        (("rollback", "9", *WHY), "no such version"),
    ],
)
def test_what_cannot_be_is_said(town, words, said):
    result = invoke(*words)
    assert result.exit_code == 2
    assert said in result.output
    assert town.all(TaxonomyVersion) == []
