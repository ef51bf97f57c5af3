"""One document and a preset's rules in, one canonical article out, or the reason why not."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from pydantic import ValidationError

from service.ingest.article import EXTERNAL_ID, CanonicalArticle, clean_line, in_zone
from service.ingest.casting import Caster, date, pick, plain
from service.ingest.expressions import EvaluationError, Expression
from service.ingest.presets import Rules

MAX_ALIAS = 2000  # characters
State: TypeAlias = Literal["published", "withdrawn"]
Context: TypeAlias = dict[str, Any]


class DoesNotFitError(Exception):
    """The preset does not fit the document. The text names fields and types, never values."""


@dataclass(frozen=True)
class Alias:
    """Another name of an article: `kind` is id, guid or url."""

    kind: str
    value: str


def search(key: str, expression: Expression | None, context: Context) -> Any:
    """Evaluate, null for no expression.

    Raises:
        DoesNotFitError: a function got what it does not take.
    """
    try:
        return expression.search(context) if expression is not None else None
    except EvaluationError as error:
        raise DoesNotFitError(f"{key}: {error}") from error


def id_of(raw: Any) -> str:
    """The CMS's id as text; one that the canonical article cannot hold is hashed.

    Raises:
        DoesNotFitError: there is none.
    """
    if isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    text = str(raw).strip() if isinstance(raw, str | int) and not isinstance(raw, bool) else ""
    if not text:
        raise DoesNotFitError("id: is missing")
    if EXTERNAL_ID.fullmatch(text):
        return text
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def state_of(rules: Rules, context: Context) -> State | None:
    """What the state rule says.

    Raises:
        DoesNotFitError: neither published nor withdrawn nor null.
    """
    found = search("state", rules.state, context)
    if found == "published" or found == "withdrawn":
        return "published" if found == "published" else "withdrawn"
    if found is None or found is False or found == "":
        return None
    raise DoesNotFitError("state: gives neither published nor withdrawn nor null")


def values_of(rules: Rules, context: Context) -> dict[str, Any]:
    """What fills the templates."""
    found = {"id": context["id"]}
    for name, expression in rules.values.items():
        found[name] = pick(search(f"values.{name}", expression, context), rules.locales)[1]
    return found


def aliases_of(rules: Rules, context: Context, state: State | None) -> list[Alias]:
    """Other names. Not the url of a withdrawn article: that is a preview."""
    aliases = []
    for kind, expression in rules.aliases.items():
        if kind == "url" and state != "published":
            continue
        try:
            found = expression.search(context)
        except EvaluationError:
            continue
        for value in found if isinstance(found, list) else [found]:
            if isinstance(value, str | int) and not isinstance(value, bool):
                # WordPress stores a guid as HTML: `?post_type=haber&#038;p=4`
                text = clean_line(html.unescape(str(value)))
                aliases += [Alias(kind, text)] if 0 < len(text) <= MAX_ALIAS else []
    return aliases


def draft_published(
    rules: Rules,
    context: Context,
    zone: str,
    base_url: str,
    fallback: CanonicalArticle | None = None,
) -> tuple[CanonicalArticle, tuple[str, ...]]:
    """The article and the warnings; title and url come from `fallback` where the document has none.

    Raises:
        DoesNotFitError: title or url is missing, or a field cannot be what it should be.
    """
    caster = Caster(rules, base_url)
    found = {name: search(name, expression, context) for name, expression in rules.fields.items()}
    fields = caster.cast(found, values_of(rules, context))
    if fallback is not None:
        fields = {"title": fallback.title, "url": fallback.url, **fields}
    fields |= {"id": context["id"], "state": "published"}
    try:
        article = CanonicalArticle.model_validate(fields)
    except ValidationError as error:
        if not any(item["loc"][:1] == ("body_html",) for item in error.errors()):
            raise DoesNotFitError(_reason(error)) from error
        # More open tags than a parser survives: the words are kept, the markup is not.
        caster.warnings.append("body: its HTML is broken; taken as plain text")
        fields |= caster.text_body(plain(fields.pop("body_html")))
        article = _validated(fields)
    return aware(article, rules.timezone or zone), tuple(caster.warnings)


def draft_withdrawn(rules: Rules, context: Context, zone: str) -> CanonicalArticle:
    """Id, state and time alone. A withdrawal must not be lost for a broken date."""
    fields = {"id": context["id"], "state": "withdrawn"}
    expression = rules.fields.get("updated_at")
    try:
        updated_at = date(expression.search(context)) if expression is not None else None
        article = CanonicalArticle.model_validate({**fields, "updated_at": updated_at})
    except (EvaluationError, ValidationError):
        article = _validated(fields)
    return aware(article, rules.timezone or zone)


def aware(article: CanonicalArticle, zone: str) -> CanonicalArticle:
    """Its times with a zone."""
    times = {"published_at": article.published_at, "updated_at": article.updated_at}
    naive = {name: time for name, time in times.items() if time and not time.tzinfo}
    return article.model_copy(update={name: in_zone(time, zone) for name, time in naive.items()})


def errors_of(error: ValidationError) -> tuple[tuple[str, str], ...]:
    """Field and message of each mistake; no message repeats what was sent."""
    found = []
    for item in error.errors(include_url=False, include_input=False):
        field = ".".join(str(part) for part in item["loc"])
        message = item["msg"].removeprefix("Value error, ")
        if not field:
            field, _, message = message.partition(": ")
        found.append((field, message))
    return tuple(found)


def _validated(fields: dict[str, Any]) -> CanonicalArticle:
    try:
        return CanonicalArticle.model_validate(fields)
    except ValidationError as error:
        raise DoesNotFitError(_reason(error)) from error


def _reason(error: ValidationError) -> str:
    return "; ".join(f"{field}: {message}" for field, message in errors_of(error))
