"""Which role may do what: the tables of docs/staff-routes.md, read from the application itself."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Flask

from service.admin.powers import POWERS, Power, roles_with

INTRODUCTION = """# Roles, powers and routes of the staff

Written by `tellal staff routes`; a test compares it with the application. A route asks for a power,
a role has powers (`service/admin/powers.py`), a key has some of its person's. “fresh”: only within
a quarter of an hour of signing in, or of proving anew who one is.
"""


def table(app: Flask) -> str:
    """Both tables as Markdown, in the first language's routes."""
    roles = list(POWERS)
    lines = [INTRODUCTION, "## Roles and powers", ""]
    lines += _rows(
        ("power", *roles),
        ([power.value, *(_mark(power in POWERS[role]) for role in roles)] for power in Power),
    )
    lines += ["", "## Roles and routes", ""]
    lines += _rows(("route", "power", *roles), _routes(app, roles))
    return "\n".join(lines) + "\n"


def _routes(app: Flask, roles: list[str]) -> Iterator[list[str]]:
    for rule in sorted(app.url_map.iter_rules(), key=lambda one: (one.rule, one.endpoint)):
        power = getattr(app.view_functions[rule.endpoint], "power", None)
        if power is None or not rule.rule.startswith(("/staff", "/v1/admin")):
            continue
        methods = ", ".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        is_fresh = getattr(app.view_functions[rule.endpoint], "fresh", False)
        allowed = roles_with(power)
        yield [
            f"`{methods} {rule.rule}`",
            f"{power.value}{', fresh' if is_fresh else ''}",
            *(_mark(role in allowed) for role in roles),
        ]


def _rows(head: tuple[str, ...], rows: Iterator[list[str]]) -> list[str]:
    rule = "|".join(["---"] * len(head))
    return [f"|{'|'.join(head)}|", f"|{rule}|", *(f"|{'|'.join(row)}|" for row in rows)]


def _mark(is_allowed: bool) -> str:
    return "yes" if is_allowed else ""
