"""The Turkish guide calls buttons and pages what the console calls them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from service.admin.navigation import GROUPS

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs/tr").glob("*.md"))
BOLD = re.compile(r"\*\*(.+?)\*\*", re.DOTALL)


@pytest.fixture(scope="module")
def catalogue() -> list[Message]:
    """What the pages say, in English and in Turkish."""
    with (ROOT / "service/translations/tr/LC_MESSAGES/messages.po").open("rb") as file:
        return [message for message in read_po(file) if message.id]


def bold(page: Path) -> set[str]:
    """The words of a page that name something of the console."""
    return {" ".join(one.split()) for one in BOLD.findall(page.read_text("utf-8"))}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_what_is_bold_is_a_word_of_the_pages(page: Path, catalogue: list[Message]) -> None:
    assert bold(page)
    assert bold(page) - {str(message.string) for message in catalogue} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_its_apostrophes_are_curly(page: Path) -> None:
    assert "'" not in page.read_text("utf-8")


def test_it_names_every_page_and_every_group_of_the_menu(catalogue: list[Message]) -> None:
    turkish = {str(message.id): str(message.string) for message in catalogue}
    # Without a request, lazy words are those of the source.
    menu = {str(one) for title, entries in GROUPS for one in (title, *(e.text for e in entries))}
    assert len(menu) > 25
    assert {turkish[one] for one in menu} - set[str]().union(*map(bold, PAGES)) == set()


def test_its_front_page_leads_to_all_others() -> None:
    front = (ROOT / "docs/tr/index.md").read_text("utf-8")
    assert [one.name for one in PAGES if f"]({one.name})" not in front] == ["index.md"]
