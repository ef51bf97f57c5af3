"""An article's text as our page shows it."""

from __future__ import annotations

import re
from typing import Literal

import nh3

# What the door lets in, less pictures: our pages load nothing from elsewhere.
_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "em", "h2", "h3", "h4", "hr", "i", "li", "ol"),
    *("p", "pre", "q", "s", "small", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead"),
    *("tr", "u", "ul"),
}
_ATTRIBUTES = {
    "a": {"href", "lang"},
    "p": {"lang"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
_HEADING = re.compile(r"<(/?)h([2-4])>")
_EMPTY = re.compile(r"<p>(?:\s|&nbsp;)*</p>")


def page_body(html: str, url: str) -> str:
    """Cleaned once more, without pictures and their captions; links lead where they led on `url`,
    and headings begin below the page's own."""
    try:
        safe = _clean(html, ("rewrite_with_base", url))
    except ValueError:  # an address that is none leads nowhere
        safe = _clean(html, "deny")
    return _EMPTY.sub("", _fit_headings(safe)).strip()


def _clean(html: str, relative: Literal["deny"] | tuple[Literal["rewrite_with_base"], str]) -> str:
    return nh3.clean(
        html,
        tags=_TAGS,
        clean_content_tags={"script", "style", "figcaption"},
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto", "tel"},
        url_relative=relative,
        link_rel="noopener noreferrer",
    )


def _fit_headings(html: str) -> str:
    """Close the gaps between levels: a text with nothing above `h3` begins with `h2`."""
    levels = sorted({int(found[2]) for found in _HEADING.finditer(html)})
    return _HEADING.sub(lambda found: f"<{found[1]}h{2 + levels.index(int(found[2]))}>", html)
