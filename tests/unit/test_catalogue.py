"""The Turkish catalogue: complete, in step with the pages, and without suffixes on variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import service

ROOT = Path(service.__file__).parent
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
KEYWORDS: dict[str, None] = {"_": None, "gettext": None, "lazy_gettext": None, "N_": None}
MARK = re.compile(r"%\(\w+\)[sd]")


@pytest.fixture(scope="module")
def catalogue() -> Catalog:
    with (ROOT / "translations/tr/LC_MESSAGES/messages.po").open("rb") as file:
        return read_po(file, locale="tr")


@pytest.fixture(scope="module")
def used() -> set[str]:
    found = extract_from_dir(ROOT, METHODS, keywords=KEYWORDS)
    return {str(message) for _, _, message, _, _ in found}


def test_every_text_of_the_pages_has_its_turkish(catalogue: Catalog, used: set[str]) -> None:
    translated = {m.id for m in catalogue if m.id and m.string and not m.fuzzy}
    assert used - translated == set()


def test_no_text_is_left_over(catalogue: Catalog, used: set[str]) -> None:
    assert {m.id for m in catalogue if m.id} - used == set()


def test_variables_survive_translation(catalogue: Catalog) -> None:
    for message in catalogue:
        assert sorted(MARK.findall(message.id)) == sorted(MARK.findall(message.string)), message.id


def test_no_suffix_on_a_variable(catalogue: Catalog) -> None:
    for message in catalogue:
        assert not re.search(r"%\(\w+\)[sd]['’\w]", message.string), message.string


def test_apostrophes_are_curly(catalogue: Catalog) -> None:
    for message in catalogue:
        if message.id:
            assert "'" not in message.string + message.id, message.id
