"""docs/staff-routes.md says what the application says: `tellal staff routes` writes it."""

from __future__ import annotations

from pathlib import Path

from apiflask import APIFlask

from service.admin.powers import POWERS, Power
from service.admin.routes import table

FILE = Path(__file__).parents[3] / "docs/staff-routes.md"


def test_the_document_is_true(app: APIFlask) -> None:
    assert FILE.read_text() == table(app), "tellal staff routes > docs/staff-routes.md"


def test_the_tables_hold_every_power_and_every_guarded_route(app: APIFlask) -> None:
    lines = table(app).splitlines()
    assert sum(line.startswith(tuple(f"|{one.value}|" for one in Power)) for line in lines) == 10
    guarded = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "power")
        and rule.rule.startswith(("/staff", "/v1/admin"))
    }
    for rule in guarded:
        assert any(f" {rule}`|" in line for line in lines), rule
    assert f"|power|{'|'.join(POWERS)}|" in lines
