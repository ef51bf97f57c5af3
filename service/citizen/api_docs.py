"""`/docs`: the OpenAPI description as a plain page, without scripts and without third parties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, Response, current_app, make_response, render_template

METHODS = ("get", "post", "put", "patch", "delete")
Schema = dict[str, Any]


@dataclass(frozen=True)
class Field:
    """One line of a table: a parameter or a member of a body."""

    name: str
    kind: str
    is_required: bool
    description: str
    place: str = ""


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    description: str
    parameters: list[Field] = field(default_factory=list)
    body: list[Field] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)

    @property
    def anchor(self) -> str:
        """A name for links that no two operations share."""
        return f"{self.method}{self.path}".replace("/", "-").replace("{", "").replace("}", "")


def blueprint() -> Blueprint:
    """The page. The description itself, for machines, is at `/openapi.json`."""
    part = Blueprint("api_docs", __name__)

    @part.get("/docs")
    def show() -> Response:
        spec = cast(Schema, cast(APIFlask, current_app).spec)
        page = render_template("docs.html", info=spec["info"], operations=list(operations(spec)))
        response = make_response(page)
        response.headers["Cache-Control"] = "public, max-age=300"
        return response

    return part


def operations(spec: Schema) -> Iterator[Operation]:
    """Every operation of an OpenAPI description, in its order."""
    for path, item in spec.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield _operation(spec, path, method, item[method])


def _operation(spec: Schema, path: str, method: str, data: Schema) -> Operation:
    return Operation(
        method=method.upper(),
        path=path,
        summary=data.get("summary", ""),
        description=data.get("description", ""),
        parameters=[
            _field(
                p["name"],
                p.get("schema", {}),
                p.get("required", False),
                p.get("description", ""),
                p.get("in", ""),
            )
            for p in (_resolve(spec, p) for p in data.get("parameters", ()))
        ],
        body=list(_members(spec, data.get("requestBody", {}))),
        answers=[
            (str(code), _resolve(spec, answer).get("description", ""))
            for code, answer in data.get("responses", {}).items()
        ],
    )


def _members(spec: Schema, body: Schema) -> Iterator[Field]:
    for media in _resolve(spec, body).get("content", {}).values():
        schema = _resolve(spec, media.get("schema", {}))
        required = schema.get("required", ())
        for name, member in schema.get("properties", {}).items():
            described = member.get("description", "")
            member = _resolve(spec, member)
            yield _field(name, member, name in required, described or member.get("description", ""))


def _field(name: str, schema: Schema, required: bool, description: str, place: str = "") -> Field:
    return Field(name, _kind(schema), required, description, place)


def _kind(schema: Schema) -> str:
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return " | ".join(_kind(option) for option in options)
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(str(value) for value in schema["enum"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"array of {_kind(schema.get('items', {}))}"
    return f"{kind} ({schema['format']})" if "format" in schema else kind


def _resolve(spec: Schema, data: Schema) -> Schema:
    """Follow `$ref` within the description."""
    while "$ref" in data:
        target: Any = spec
        for name in data["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        data = target
    return data
