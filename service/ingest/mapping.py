"""Maps a foreign event to canonical articles by a preset. Pure: no database, no network.

Whatever the payload, the answer is `Ignored`, `Failed` or a list of `Mapped`. Reasons name fields
and types, never values, since they are stored and shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from pydantic import ValidationError

from service.ingest.article import CanonicalArticle
from service.ingest.casting import expand
from service.ingest.context import context_of
from service.ingest.drafting import (
    Alias,
    Context,
    DoesNotFitError,
    State,
    aliases_of,
    aware,
    draft_published,
    draft_withdrawn,
    errors_of,
    id_of,
    search,
    state_of,
    values_of,
)
from service.ingest.expressions import EvaluationError
from service.ingest.presets import Preset, Rules

MAX_ITEMS = 100  # of one event: an editor may publish a whole page of a Directus list at once
MAX_ALIASES = 20


@dataclass(frozen=True)
class Ignored:
    """Not an article event. Answered 202: the sender did nothing wrong."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """The preset does not fit. The event stays in the inbox, to be replayed once it does.

    `errors`: field and message, for a strict preset, whose sender can mend them; which article and
    what is wrong with it, where an event has several.
    """

    reason: str
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Mapped:
    """One article of an event. Its `state` is null until a fetch has told it.

    `article` is null where the event cannot fill one, and then the fetch must. A withdrawn one
    carries id, state and `updated_at` alone: what else comes with a withdrawal is empty or a
    preview. `enrich_url` may be relative, to the address of the CMS's API. `failure` stands for an
    article that does not fit, among others that do: which of them, and why.
    """

    external_id: str
    state: State | None
    article: CanonicalArticle | None
    aliases: tuple[Alias, ...] = ()
    needs_enrichment: bool = False
    enrich_url: str | None = None
    warnings: tuple[str, ...] = ()
    failure: tuple[str, str] | None = None


Result: TypeAlias = Ignored | Failed | list[Mapped]


def map_event(
    preset: Preset, headers: Mapping[str, str], body: dict[str, Any], zone: str, base_url: str = ""
) -> Result:
    """Map one event; the same event gives the same result.

    Args:
        preset: how.
        headers: names lower-cased.
        body: the parsed body.
        zone: of times that have none, unless the preset names one.
        base_url: the site's address, for relative links.
    """
    if preset.is_strict:
        return _strict(body, zone)
    context = context_of(headers, body)
    try:
        if preset.accept is not None and not preset.accept.holds(context):
            return Ignored("not an article event, by the preset's accept rule")
        items = _items(preset, context)
        if not items:
            return Ignored("no article in the event")
        return _map_items(preset, context, items, zone, base_url)
    except EvaluationError as error:
        return Failed(f"accept: {error}")
    except DoesNotFitError as error:
        return Failed(str(error))


def map_enriched(
    rules: Rules, event: Mapped, document: dict[str, Any], zone: str, base_url: str = ""
) -> Mapped | Failed:
    """Map what was fetched for a thin event; a title or url that it lacks is the event's.

    Without a state of its own, the document is as public as the event said, or as a page that
    could be fetched is.
    """
    context = {**context_of({}, document), "id": event.external_id}
    try:
        state = state_of(rules, context) or event.state or "published"
        return _complete(rules, context, state, event, zone, base_url)
    except DoesNotFitError as error:
        return Failed(str(error))


def gone(event: Mapped) -> Mapped:
    """The same article, withdrawn: what 404 and 410 mean when it is fetched."""
    article = CanonicalArticle(id=event.external_id, state="withdrawn")
    return Mapped(event.external_id, "withdrawn", article, event.aliases)


def _strict(body: dict[str, Any], zone: str) -> Result:
    try:
        article = CanonicalArticle.model_validate(body)
    except ValidationError as error:
        return Failed("the article is not complete", errors_of(error))
    # Other presets take what a CMS has: not every city's site has https, and no CMS mends a field.
    if article.url and not article.url.lower().startswith("https://"):
        return Failed("url: must be https", (("url", "must be https"),))
    article = aware(article, zone)
    aliases = (Alias("url", article.url),) if article.url and article.state == "published" else ()
    return [Mapped(article.id, article.state, article, aliases)]


def _items(preset: Preset, context: Context) -> list[Any]:
    if preset.split is None:
        return [context["body"]]
    items = search("split", preset.split, context)
    if items is not None and not isinstance(items, list):
        raise DoesNotFitError("split: gives no list")
    items = [item for item in items or [] if item is not None]
    if len(items) > MAX_ITEMS:
        raise DoesNotFitError(f"split: {len(items)} articles in one event; {MAX_ITEMS} at most")
    return items


def _map_items(
    preset: Preset, context: Context, items: list[Any], zone: str, base_url: str
) -> Result:
    found = []
    for number, item in enumerate(items, 1):
        try:
            found.append(_map_item(preset, {**context, "item": item}, zone, base_url))
        except DoesNotFitError as error:
            if len(items) == 1:
                raise
            found.append(unfit(number, len(items), str(error)))
    return settled(found)


def unfit(number: int, count: int, message: str) -> Mapped:
    """In the place of an article that does not fit."""
    return Mapped("", None, None, failure=(f"article {number} of {count}", message))


def settled(found: list[Mapped]) -> Result:
    """What does not fit costs the other articles nothing; without others the event has failed."""
    failures = failures_of(found)
    return found if len(failures) < len(found) else Failed(told(failures), failures)


def failures_of(result: Result) -> tuple[tuple[str, str], ...]:
    if isinstance(result, list):
        return tuple(item.failure for item in result if item.failure is not None)
    return result.errors if isinstance(result, Failed) else ()


def told(failures: Iterable[tuple[str, str]]) -> str:
    return "; ".join(": ".join(failure) for failure in failures)


def _map_item(preset: Preset, context: Context, zone: str, base_url: str) -> Mapped:
    rules, enrich = preset.rules, preset.enrich
    raw = search("id", preset.id, context)
    external_id = context["id"] = id_of(raw)
    state = state_of(rules, context)
    known = [Alias("id", str(raw))] if isinstance(raw, str) and raw.strip() != external_id else []
    event = Mapped(external_id, state, None, tuple(known))
    if state is None and enrich is None:
        raise DoesNotFitError("state: unknown, and the preset has no [enrich] to ask")
    if enrich is None or state == "withdrawn":
        return _complete(rules, context, state or "withdrawn", event, zone, base_url)
    url = expand(enrich.url, values_of(rules, context))
    if url is None:
        raise DoesNotFitError("enrich.url: a value of its template is missing")
    aliases = _merged(event.aliases, aliases_of(rules, context, state))
    thin = replace(event, aliases=aliases, needs_enrichment=True, enrich_url=url)
    if state is None:
        return thin
    try:
        full = _complete(rules, context, state, event, zone, base_url)
    except DoesNotFitError:
        return thin  # whatever the event lacks, the CMS has
    if enrich.when == "always" or not _has_body(full.article):
        return replace(full, needs_enrichment=True, enrich_url=url)
    return full


def _complete(
    rules: Rules, context: Context, state: State, event: Mapped, zone: str, base_url: str
) -> Mapped:
    warnings: tuple[str, ...] = ()
    if state == "withdrawn":
        article = draft_withdrawn(rules, context, zone)
    else:
        article, warnings = draft_published(rules, context, zone, base_url, event.article)
    urls = [Alias("url", article.url)] if article.url else []
    aliases = _merged(event.aliases, [*urls, *aliases_of(rules, context, state)])
    return Mapped(event.external_id, state, article, aliases, warnings=warnings)


def _has_body(article: CanonicalArticle | None) -> bool:
    return article is not None and (article.body_html is not None or article.body_text is not None)


def _merged(known: tuple[Alias, ...], more: list[Alias]) -> tuple[Alias, ...]:
    return tuple(dict.fromkeys([*known, *more]))[:MAX_ALIASES]
