"""docs/api.md says what the application says of its API: `tellal api` writes it."""

from __future__ import annotations

from pathlib import Path

from apiflask import APIFlask

from service.cli.api import page

FILE = Path(__file__).parents[2] / "docs/api.md"


def test_the_document_is_true(app: APIFlask) -> None:
    assert FILE.read_text() == page(app.spec), "tellal api > docs/api.md"


def test_every_route_of_the_description_is_on_the_page(app: APIFlask) -> None:
    text = FILE.read_text()
    for path, operations in app.spec["paths"].items():
        for method in set(operations) & {"get", "post", "put", "patch", "delete"}:
            assert f"\n### {method.upper()} `{path}`\n" in text
