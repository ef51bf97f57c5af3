"""The style sheet of all pages: the city's colours, what we use of Bootstrap, and our theme; and
one more for the staff's.

Bootstrap's sheet is taken from the installed package and cut down to the rules whose classes occur
in our templates: a tenth of it. The colours are variables, so light, dark and a reader's own choice
(`display_sheet`) are the same sheet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from importlib.resources import files
from pathlib import Path

from service.palette import Palette, Scheme

_HERE = Path(__file__).parent
_BOOTSTRAP = "static/bootstrap5/css/bootstrap.min.css"
_CLASS = re.compile(r"\.(-?[A-Za-z_][\w-]*)")
_WORD = re.compile(r"[A-Za-z_][\w-]*")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_TAKEN_IN = re.compile(r"bootstrap5?/\w+\.html")
# `--bs-blue`, the many shades and the breakpoints, which no rule of ours reads.
_UNUSED = re.compile(
    r"--bs-(?:blue|indigo|purple|pink|red|orange|yellow|green|teal|cyan|black|gray-\d+|gray|"
    r"breakpoint-\w+|[\w-]*-(?:rgb|border-subtle|bg-subtle|text-emphasis))\s*:[^;}]*;?"
)
TEXT_SIZES = {"normal": "", "large": "125%", "larger": "150%"}


def site_sheet(palette: Palette) -> str:
    """The sheet that every page loads."""
    light, dark = variables(palette.light), variables(palette.dark)
    schemes = (
        f":root{{color-scheme:light;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{dark}}}}}"
    )
    return schemes + _bootstrap() + minified((_HERE / "static/theme.css").read_text("utf-8"))


def staff_sheet() -> str:
    """What the staff's pages load beside it: citizens pay nothing for it."""
    return minified((_HERE / "static/staff.css").read_text("utf-8"))


def display_sheet(palette: Palette, scheme: str, size: str) -> str:
    """What a reader's own choice changes: `scheme` is light, dark or anything else for the
    device's own; `size` is one of TEXT_SIZES. Printing keeps to the light scheme."""
    chosen = ""
    if scheme in ("light", "dark"):
        values = variables(getattr(palette, scheme))
        chosen = f"@media screen{{:root:root{{color-scheme:{scheme};{values}}}}}"
    large = TEXT_SIZES.get(size, "")
    return chosen + (f":root{{font-size:{large}}}" if large else "")


def variables(scheme: Scheme) -> str:
    """The scheme's colours as CSS variables: `on_accent` is `--on-accent`."""
    return ";".join(
        f"--{field.name.replace('_', '-')}:{getattr(scheme, field.name)}"
        for field in fields(scheme)
    )


def minified(css: str) -> str:
    """The same rules without comments and needless blanks. Text in quotes keeps its blanks."""
    parts = re.split(r"(\"[^\"]*\")", _COMMENT.sub("", css))
    for at in range(0, len(parts), 2):
        parts[at] = re.sub(r"\s+", " ", parts[at])
        parts[at] = re.sub(r" ?([{};,]) ?", r"\1", parts[at]).replace(";}", "}")
    return "".join(parts).strip()


def subset(css: str, words: frozenset[str]) -> str:
    """The rules of a sheet without comments that can apply where only these classes occur."""
    kept = []
    for head, body in _rules(css):
        if head.startswith(("@media", "@supports")):
            inner = subset(body, words)
            kept.append(f"{head}{{{inner}}}" if inner else "")
        elif not head.startswith("@") and (wanted := _wanted(head, words)):
            kept.append(f"{wanted}{{{body}}}")
    return "".join(kept)


@cache
def _bootstrap() -> str:
    css = (files("flask_bootstrap") / _BOOTSTRAP).read_text("utf-8")
    return _UNUSED.sub("", subset(_COMMENT.sub("", css), _words()))


def _words() -> frozenset[str]:
    """Everything in our templates, and in code that names classes, that can be a class."""
    sources = [*_HERE.glob("templates/**/*.html"), *_HERE.glob("admin/*.py")]
    text = " ".join(path.read_text("utf-8") for path in sources)
    # Components of Bootstrap-Flask that a template of ours takes in.
    components = [files("flask_bootstrap") / "templates" / name for name in _TAKEN_IN.findall(text)]
    text = " ".join((text, *(path.read_text("utf-8") for path in components)))
    return frozenset(_WORD.findall(text))


def _wanted(selectors: str, words: frozenset[str]) -> str:
    """Those of a rule's selectors that can match; Bootstrap's own dark mode is not in use."""
    return ",".join(
        one
        for one in _split(selectors)
        if "data-bs-theme=dark" not in one and words.issuperset(_CLASS.findall(one))
    )


def _split(selectors: str) -> Iterator[str]:
    """Split at commas outside of brackets."""
    depth, start = 0, 0
    for at, mark in enumerate(selectors):
        depth += (mark in "([") - (mark in ")]")
        if mark == "," and depth == 0:
            yield selectors[start:at]
            start = at + 1
    yield selectors[start:]


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """What stands before and between the braces of each rule."""
    at = 0
    while (opening := css.find("{", at)) >= 0:
        head = css[at:opening].rpartition(";")[2].strip()  # behind an @import or @charset
        depth, end = 1, opening + 1
        while depth and end < len(css):
            depth += (css[end] == "{") - (css[end] == "}")
            end += 1
        yield head, css[opening + 1 : end - 1]
        at = end
