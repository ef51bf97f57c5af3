"""JMESPath expressions of presets: bounded, checked and compiled once (ingest guide, section 7).

What may go wrong with any document is found when a preset is loaded; what depends on the document
is an `EvaluationError`, whose text never repeats the document: it may hold personal data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions
from jmespath.lexer import Lexer

MAX_LENGTH = 300  # characters
MAX_PIPES = 4  # each may double what it is given: `[@,@] | [@,@] | …`
MAX_FLATTENS = 2

# Names under which CMSs send people instead of news.
_PERSONAL = re.compile(
    r"authors?|primary_author|post_author|e?-?mail|user|user_?name|created_?by|updated_?by"
    r"|last_?editor|owner|phone|password",
    re.I,
)
_PATHS = {"subexpression", "projection", "filter_projection", "value_projection", "flatten"}
_DOCUMENT_ERRORS = (JMESPathError, TypeError, ValueError, ArithmeticError, RecursionError)


class ExpressionError(ValueError):
    """An expression of a preset is wrong, whatever the document; the text says why."""


class EvaluationError(Exception):
    """An expression does not fit this document; the text names types, never values."""


@dataclass(frozen=True)
class Expression:
    """One compiled expression over `{headers, body, item, id}`."""

    text: str
    _compiled: Any = field(repr=False, compare=False)

    def search(self, document: dict[str, Any]) -> Any:
        """Evaluate.

        Raises:
            EvaluationError: a function got a type that it does not take, mostly null.
        """
        try:
            return self._compiled.search(document)
        except JMESPathTypeError as error:
            raise EvaluationError(f"{error.function_name}() got {error.actual_type}") from error
        except _DOCUMENT_ERRORS as error:
            raise EvaluationError(f"does not fit the payload ({type(error).__name__})") from error

    def holds(self, document: dict[str, Any]) -> bool:
        """Evaluate as JMESPath judges truth: 0 is true; empty, false and null are not.

        Raises:
            EvaluationError: as `search`.
        """
        found = self.search(document)
        return not (found is None or found is False or found in ("", [], {}))


def compile_expression(text: str, *, refuse_personal: bool = False) -> Expression:
    """Check an expression against the bounds and compile it.

    Raises:
        ExpressionError: too long, too many pipes or flattens, not JMESPath, an unknown function,
            or, where `refuse_personal`, a name under which CMSs send personal data.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"has {len(text)} characters; {MAX_LENGTH} are allowed")
    try:
        compiled = jmespath.compile(text)
        tokens = list(Lexer().tokenize(text))
    except (JMESPathError, RecursionError) as error:
        raise ExpressionError(f"is not JMESPath: {_first_line(error)}") from error
    for kind, limit in (("pipe", MAX_PIPES), ("flatten", MAX_FLATTENS)):
        count = sum(token["type"] == kind for token in tokens)
        if count > limit:
            raise ExpressionError(f"has {count} {kind}s; {limit} are allowed")
    _check_tree(compiled.parsed)
    if refuse_personal:
        for token in tokens:
            if token["type"].endswith("_identifier") and _PERSONAL.fullmatch(token["value"]):
                raise ExpressionError(f"reads {token['value']!r}; personal data is never mapped")
    return Expression(text, compiled)


def _check_tree(tree: dict[str, Any]) -> None:
    """What JMESPath notices only when it evaluates, or takes for something else than was meant."""
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        children = [child for child in node.get("children", ()) if isinstance(child, dict)]
        nodes += children
        if node["type"] == "function_expression":
            _check_call(node["value"], len(children))
        elif node["type"] in _PATHS and children and children[0]["type"] == "not_expression":
            raise ExpressionError("has `!` before a path: `!a.b` means `(!a).b`, write `!(a.b)`")


def _check_call(name: str, given: int) -> None:
    if name not in Functions.FUNCTION_TABLE:
        raise ExpressionError(f"calls {name}(), which JMESPath does not have")
    signature = Functions.FUNCTION_TABLE[name]["signature"]
    is_variadic = bool(signature) and signature[-1].get("variadic", False)
    if given < len(signature) or (given > len(signature) and not is_variadic):
        raise ExpressionError(f"gives {name}() {given} arguments; it takes {len(signature)}")


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0].rstrip(":,") or type(error).__name__
