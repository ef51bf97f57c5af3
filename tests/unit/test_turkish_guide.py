"""The Turkish guide calls buttons and pages what the console calls them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/tr").glob("*.md"))
BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


@pytest.fixture(scope="module")
def words() -> set[str]:
    """All that the pages say in Turkish."""
    with (ROOT / "service/translations/tr/LC_MESSAGES/messages.po").open("rb") as file:
        return {str(message.string) for message in read_po(file) if message.id}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_is_bold_is_a_word_of_the_pages(page: Path, words: set[str]) -> None:
    named = {" ".join(one.split()) for one in BOLD.findall(page.read_text("utf-8"))}
    assert named
    assert named - words == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_its_apostrophes_are_curly(page: Path) -> None:
    assert "'" not in page.read_text("utf-8")
