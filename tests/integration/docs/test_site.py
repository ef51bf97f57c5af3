"""The documentation becomes a site without a warning, and nothing in it comes from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tests.integration.docs.blocks import ROOT

LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}


class Loads(HTMLParser):
    """What a page has the browser load, and its picture's alternative texts."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.alternatives: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("rel") not in ("canonical", "prev", "next"):
            self.loaded.append(found.get(LOADED.get(tag, ""), "") or "")
        if tag == "img":
            self.alternatives.append(found.get("alt") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built once; `--strict` makes a warning an error."""
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=240,
    )
    assert (done.returncode, "WARNING" in done.stdout) == (0, False), done.stdout
    return folder


def test_every_page_is_there_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = {path.relative_to(ROOT / "docs").with_suffix("") for path in ROOT.glob("docs/**/*.md")}
    built = {path.relative_to(site).with_suffix("") for path in site.glob("**/*.html")}
    assert {str(one).replace("README", "index") for one in pages} <= {str(one) for one in built}
    for path in site.glob("**/*.html"):
        page = Loads()
        page.feed(path.read_text("utf-8"))
        assert [one for one in page.loaded if re.match(r"(https?:)?//", one)] == [], path.name
        assert all(page.alternatives), path.name
    for path in site.glob("**/*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", path.read_text("utf-8")), path.name


def test_turkish_pages_say_that_they_are_turkish(site: Path) -> None:
    pages = list((site / "tr").glob("*.html"))
    assert pages
    for path in pages:
        assert '<div lang="tr">' in path.read_text("utf-8")
