"""What the site does beyond its settings: folders in the navigation, and the language of a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def on_config(config: Any) -> Any:
    """Put its pages in the place of a folder."""
    config.nav = _laid_out(config.nav, Path(config.docs_dir))
    return config


def on_page_content(html: str, page: Any, **_: Any) -> str:
    """Say that a Turkish page is Turkish: the site around it is English (WCAG 2.2, 3.1.2)."""
    is_turkish = page.file.src_uri.startswith("tr/")
    return f'<div lang="tr">{html}</div>' if is_turkish else html


def _laid_out(entries: list[Any], docs: Path) -> list[Any]:
    found: list[Any] = []
    for entry in entries:
        ((title, what),) = entry.items()
        if isinstance(what, list):
            found.append({title: _laid_out(what, docs)})
        elif what.endswith("/"):
            found.append({title: _pages(docs, what)})
        else:
            found.append(entry)
    return found


def _pages(docs: Path, folder: str) -> list[str]:
    """The pages of a folder by their names, the one that introduces them first."""
    names = sorted(path.name for path in (docs / folder).glob("*.md"))
    names.sort(key=lambda name: name not in ("index.md", "README.md"))
    return [folder + name for name in names]
