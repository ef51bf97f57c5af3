"""Bytes to JSON: strict, bounded, and with one clear sentence for each refusal."""

from __future__ import annotations

import json
from typing import Any, NoReturn

MAX_BODY_BYTES = 1024 * 1024  # the largest real request seen had 54 KB
BATCH = "application/cloudevents-batch+json"
MAX_DEPTH = 32
MAX_PATH = 100  # of a name in an error: a key of 500 KB must not be repeated for each item below it


class PayloadError(ValueError):
    """The body is no JSON that we take; the text says what and where."""


def parse_event(body: bytes, content_type: str) -> dict[str, Any]:
    """As `parse_object`; a batch of CloudEvents, which is a list, becomes `{"batch": […]}`."""
    if content_type.partition(";")[0].strip().lower() != BATCH:
        return parse_object(body)
    found = _decoded(body)
    if not isinstance(found, list):
        raise PayloadError("A batch must be a JSON list: [ … ].")
    batch = {"batch": found}
    _check(batch)
    return batch


def parse_object(body: bytes) -> dict[str, Any]:
    """Decode UTF-8 JSON whose top is an object.

    Raises:
        PayloadError: not UTF-8, not JSON, NUL or a lone surrogate in a text, nested too deep.
    """
    found = _decoded(body)
    if not isinstance(found, dict):
        raise PayloadError("The body must be a JSON object: { … }.")
    _check(found)
    return found


def _decoded(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError(
            f"The body is not UTF-8: byte {error.start} cannot be decoded. Send the text as UTF-8."
        ) from error
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise PayloadError(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from error
    except RecursionError as error:
        raise PayloadError(_too_deep()) from error
    except ValueError as error:
        reason = "a number has too many digits" if "digits" in str(error) else str(error)
        raise PayloadError(f"The body is not JSON: {reason}.") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _too_deep() -> str:
    return f"The body is nested deeper than {MAX_DEPTH} levels. Send a flatter article."


def _check(top: dict[str, Any]) -> None:
    """Walk without recursion: depth, NUL, lone surrogates."""
    stack: list[tuple[Any, int, str]] = [(top, 1, "")]
    while stack:
        value, depth, path = stack.pop()
        if depth > MAX_DEPTH:
            raise PayloadError(_too_deep())
        if isinstance(value, str):
            _check_text(value, path)
        elif isinstance(value, dict):
            for key, item in value.items():
                _check_text(key, path or "the top")
                where = f"{path}.{key}" if path else key
                stack.append((item, depth + 1, where[:MAX_PATH]))
        elif isinstance(value, list):
            where = path[: MAX_PATH - 10]
            stack.extend((item, depth + 1, f"{where}[{i}]") for i, item in enumerate(value))


def _check_text(text: str, path: str) -> None:
    if "\0" in text:
        raise PayloadError(f"NUL character in {path}. Remove it.")
    try:
        text.encode()  # many times quicker than a regular expression that looks for halves
    except UnicodeEncodeError as error:
        raise PayloadError(
            f"Lone surrogate (half a character) in {path}. Send whole ones."
        ) from error
