"""The licence of every dependency that runs in production, from its own metadata: the list in
docs/licences.md, and what may be in it. `make licences` writes the list."""

from __future__ import annotations

import os
import re
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "licences.md"
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
# Whose metadata say it in words of their own, or that another Python or system alone installs.
KNOWN = {
    "async-timeout": "Apache-2.0",
    "brotlicffi": "MIT",
    "feedgen": "BSD-2-Clause OR LGPL-3.0-or-later",
    "python-dateutil": "Apache-2.0 OR BSD-3-Clause",
    "tzdata": "Apache-2.0",
}
# Words of metadata that mean a licence.
WORDS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
FREE = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC"),
    *("MIT", "MIT-0", "PSF-2.0", "Unlicense", "Zlib"),
}
# Licences that ask for more than a notice are for packages whose reason stands here.
LIBRARY = "used unchanged, as the library that it is; who passes it on says where its source is"
FILES = "used unchanged; its own files stay under its licence, which reaches no other file"
NOTED = {
    "certifi": FILES,
    "orjson": FILES,
    "psycopg": LIBRARY,
    "psycopg-binary": LIBRARY,
    "tld": "of three licences we take the LGPL: " + LIBRARY,
}
HEAD = """\
# Licences

Tellal is under Apache-2.0. This is what runs in production beside it, from `requirements.lock`.
The list is written by `make licences` from what each package says of itself, and compared by a
test (`tests/unit/deploy/test_licences.py`), which also holds the rule: licences that ask for no
more than a notice are free to use; the LGPL and the MPL for packages that stand in that test with
a reason; nothing that is under the GPL or the AGPL alone. Of several that a package offers, one
suffices.

A list for machines, with hashes: `make sbom` (CycloneDX). Known holes: `make audit`.

Beside Python run, as programs of their own to which we speak: PostgreSQL (PostgreSQL licence),
nginx (BSD-2-Clause), Redis (BSD-3-Clause up to 7.2, which the containers name, and Debian 12 has
7.0; later ones are under other licences) and, if wanted, Postfix (IPL-1.0 or EPL-2.0) and
Prometheus (Apache-2.0).

| package | version | licence | why it may be |
|---|---|---|---|
"""


def pins() -> dict[str, str]:
    """Each package of the lock with its versions; some have one for each Python."""
    found: dict[str, list[str]] = {}
    for name, version in PIN.findall((ROOT / "requirements.lock").read_text(encoding="utf-8")):
        found.setdefault(name, []).append(version)
    return {name: ", ".join(versions) for name, versions in found.items()}


def licence(name: str) -> str:
    """What the package says of itself, as an SPDX expression where it can be."""
    if name in KNOWN:
        return KNOWN[name]
    said = metadata.metadata(name)
    if expression := said.get("License-Expression"):
        return expression
    short = (said.get("License") or "").strip()
    if (short := WORDS.get(short, short)) in FREE | {"MPL-2.0"}:
        return short
    words = {line.split(" :: ")[-1] for line in said.get_all("Classifier", [])}
    return " OR ".join(sorted(WORDS[word] for word in words & set(WORDS)))


def is_free(expression: str, free: set[str] = FREE) -> bool:
    """Whether everything that it joins may be used; of alternatives one."""
    expression = re.sub(r"\(([^()]*)\)", lambda inner: str(is_free(inner[1], free)), expression)
    return any(
        all(part.strip() in {*free, "True"} for part in alternative.split(" AND "))
        for alternative in expression.split(" OR ")
    )


def page() -> str:
    rows = []
    for name, version in pins().items():
        why = "" if is_free(licence(name)) else NOTED.get(name, "")
        rows.append(f"|{name}|{version}|{licence(name)}|{why}|\n")
    return HEAD + "".join(rows)


def test_the_list_is_that_of_the_lock() -> None:
    if os.environ.get("TELLAL_WRITE_LICENCES"):
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make licences"


@pytest.mark.parametrize("name", pins())
def test_each_may_be_used(name: str) -> None:
    expression = licence(name)
    assert expression, f"{name} says nothing: look, and add it to KNOWN"
    if not is_free(expression):
        assert name in NOTED, f"{name} is under {expression}: is there a reason?"
        weak = {"MPL-1.1", "MPL-2.0", "LGPL-2.1-or-later", "LGPL-3.0-only"}
        assert is_free(expression, FREE | weak), expression


def test_no_reason_outlives_its_package() -> None:
    assert {name for name in NOTED if name not in pins() or is_free(licence(name))} == set()
    assert set(KNOWN) <= set(pins())


@pytest.mark.parametrize(
    ("expression", "is_so"),
    [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("GPL-3.0-only OR MIT", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", False),
        ("BSD-3-Clause AND (GPL-2.0-only OR MIT)", True),
        ("", False),
    ],
)
def test_expressions_are_read_as_they_are_meant(expression: str, is_so: bool) -> None:
    assert is_free(expression) is is_so
