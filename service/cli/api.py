"""`tellal api`: the API as a page, written from the same description that /docs shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

METHODS = ("get", "post", "put", "patch", "delete")
HEAD = """# API

Written by `tellal api > docs/api.md` from the description that the running service gives at
`/openapi.json`, which programs read; at `/docs` it can be tried. How articles are signed:
[connect your CMS](integrate/index.md); keys for the routes of staff, and who may do what:
[roles](staff-routes.md).

Errors are problem details ([RFC 9457](https://www.rfc-editor.org/rfc/rfc9457)) with one sentence in
`detail`.
"""

Spec = dict[str, Any]


@click.command()
def api() -> None:
    """Print all routes of the API as Markdown: `docs/api.md`."""
    from service.app import create_app
    from service.settings import load

    app = create_app(load())
    try:
        spec = app.spec
        assert isinstance(spec, dict), "the format is JSON"
        click.echo(page(spec), nl=False)
    finally:
        app.extensions["tellal"].close()


def page(spec: Spec) -> str:
    """The description of an API as Markdown, a part for each tag in its order."""
    tags = list(dict.fromkeys(tag["name"] for tag in spec["tags"]))
    operations = [
        (method.upper(), path, found[method])
        for path, found in spec["paths"].items()
        for method in METHODS
        if method in found
    ]
    lines = [HEAD]
    for tag in tags:
        own = [one for one in operations if one[2].get("tags", [""])[0] == tag]
        if own:
            lines.append(f"\n## {tag}\n")
        for method, path, operation in own:
            lines += _operation(spec, method, path, operation)
    return "\n".join(lines).rstrip() + "\n"


def _operation(spec: Spec, method: str, path: str, operation: Spec) -> Iterator[str]:
    yield f"\n### {method} `{path}`\n"
    yield _sentence(operation.get("summary", ""))
    if said := operation.get("description", ""):
        yield f"\n{_flat(said)}"
    rows = [
        (one["name"], one["in"], _type(spec, one.get("schema", {})), one.get("description", ""))
        for one in operation.get("parameters", [])
    ]
    body: Spec = next(iter(operation.get("requestBody", {}).get("content", {}).values()), {})
    schema = _resolved(spec, body.get("schema", {}))
    needed = schema.get("required", [])
    rows += [
        (name, "body" if name in needed else "body, optional", _type(spec, one, schema),
         one.get("description", ""))
        for name, one in schema.get("properties", {}).items()
    ]  # fmt: skip
    if rows:
        yield "\n| name | where | type | meaning |\n|---|---|---|---|"
        for name, where, kind, meaning in rows:
            yield f"| `{name}` | {where} | {kind} | {_cell(meaning)} |"
    answers = sorted(operation.get("responses", {}).items())
    said = (f"**{code}** {_flat(one['description']).rstrip('.')}" for code, one in answers)
    yield "\n" + "; ".join(said) + "."


def _resolved(spec: Spec, schema: Spec) -> Spec:
    """What a reference leads to."""
    found: Spec = schema
    if "$ref" in schema:
        found = spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _type(spec: Spec, schema: Spec, within: Spec | None = None) -> str:
    """A type in a few words: `string or null`."""
    if "anyOf" in schema:
        names = (_type(spec, one, within) for one in schema["anyOf"])
        return " or ".join(dict.fromkeys(names))
    if "enum" in schema:
        return ", ".join(f"`{one}`" for one in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "$ref" in schema:
        name: str = schema["$ref"].rpartition("/")[2]
        inner = (within or {}).get("$defs", {}).get(name, {})
        return _type(spec, inner, within) if "enum" in inner else "object"
    if schema.get("type") == "array":
        return f"list of {_type(spec, schema.get('items', {}), within)}"
    return str(schema.get("format") or schema.get("type") or "any")


def _flat(text: str) -> str:
    """On one line, and none of it taken for HTML."""
    return " ".join(text.split()).replace("<", "&lt;")


def _cell(text: str) -> str:
    return _flat(text).replace("|", "\\|")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else text + "."
