"""What a template that staff publish may hold, by its syntax: no way to work without end.

A file in `config/mail` comes from who runs the machine; a published template comes from a form. The
sandbox keeps it from everything but its values; these rules keep it from using up time and memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes

MAX_LOOP = 200  # turns of `range`
# None of them makes a long text from a short one, or lets the markup of an article through.
FILTERS = frozenset(
    {"e", "escape", "upper", "lower", "capitalize", "title", "trim", "default", "d", "length"}
    | {"first", "last", "truncate", "striptags", "urlencode"}
)
# A text that is joined to itself, line after line, doubles with each.
_GROWING = (nodes.Mul, nodes.Pow, nodes.Mod, nodes.Add, nodes.Concat)
# Nor may any of it put the markup of an article's title into a letter.
_STRANGE = (
    *(nodes.FilterBlock, nodes.CallBlock, nodes.Include, nodes.With),
    *(nodes.EvalContextModifier, nodes.ScopedEvalContextModifier),
)
_FROM: dict[type[nodes.Node], str] = {nodes.Extends: "layout.html", nodes.FromImport: "_parts.html"}


@dataclass(frozen=True)
class _Known:
    """The names that a template gives itself: of macros, and of what it sets."""

    macros: set[str]
    stored: set[str]


def refused(name: str, text: str) -> Iterator[str]:
    """What has no place in a template, in sentences that name the line."""
    try:
        tree = Environment(autoescape=True).parse(text, name)
    except TemplateSyntaxError as error:
        yield f"{name}, line {error.lineno}: {error.message}"
        return
    macros = {macro.name for macro in tree.find_all(nodes.Macro)}
    macros |= {_local(one) for found in tree.find_all(nodes.FromImport) for one in found.names}
    stored = {one.name for one in tree.find_all(nodes.Name) if one.ctx == "store"}
    for node in tree.find_all(nodes.Node):
        if said := _said(node, _Known(macros, stored)):
            yield f"{name}, line {node.lineno}: {said}"


def _said(node: nodes.Node, known: _Known) -> str:
    if isinstance(node, nodes.For) and (node.recursive or node.find(nodes.For)):
        return "a loop inside a loop has no place in a letter"
    if isinstance(node, nodes.Macro) and (node.find(nodes.For) or node.find(nodes.Call)):
        return "a macro may hold no loop and call nothing"
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        return f"the filter {node.name} is not allowed; these are: {', '.join(sorted(FILTERS))}"
    if isinstance(node, _GROWING):
        return "texts and numbers are not added or multiplied in a letter"
    if isinstance(node, _STRANGE):
        return "include, with, autoescape, filter and call blocks have no place in a letter"
    if isinstance(node, nodes.Import | nodes.Extends | nodes.FromImport) and not _is_ours(node):
        return "a letter extends layout.html and imports names from _parts.html, and nothing else"
    if isinstance(node, nodes.Assign | nodes.AssignBlock) and _grows(node, known):
        return "what is set may not be made from what was set"
    if isinstance(node, nodes.Call) and _has_inner_call(node):
        return "a call inside a call has no place in a letter"
    if isinstance(node, nodes.Call) and not _is_harmless(node, known.macros):
        return "only words.….format(…), range(…) and macros may be called"
    return ""


def _is_ours(node: nodes.Node) -> bool:
    source = getattr(node, "template", None)
    return isinstance(source, nodes.Const) and source.value == _FROM.get(type(node))


def _has_inner_call(call: nodes.Call) -> bool:
    given = [one for one in call.iter_child_nodes() if one is not call.node]
    return any(isinstance(one, nodes.Call) or one.find(nodes.Call) for one in given)


def _grows(node: nodes.Assign | nodes.AssignBlock, known: _Known) -> bool:
    parts = [node.node] if isinstance(node, nodes.Assign) else node.body
    names = {one.name for part in parts for one in part.find_all(nodes.Name)}
    names |= {part.name for part in parts if isinstance(part, nodes.Name)}
    return not names.isdisjoint(known.stored)


def _is_harmless(call: nodes.Call, macros: set[str]) -> bool:
    called = call.node
    if isinstance(called, nodes.Name):
        if called.name == "range":
            return all(_is_short(argument) for argument in call.args) and not call.kwargs
        return called.name in macros | {"super"}
    # The words themselves hold no width, so what is filled in stays as long as it is.
    return (
        isinstance(called, nodes.Getattr)
        and called.attr == "format"
        and isinstance(called.node, nodes.Getattr)
        and isinstance(called.node.node, nodes.Name)
        and called.node.node.name == "words"
    )


def _is_short(argument: nodes.Node) -> bool:
    return (
        isinstance(argument, nodes.Const)
        and isinstance(argument.value, int)
        and argument.value <= MAX_LOOP
    )


def _local(name: str | tuple[str, str]) -> str:
    return name if isinstance(name, str) else name[1]
