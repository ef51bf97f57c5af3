"""What topics and places are, and how they are read from YAML text.

Reading checks everything and reports every mistake at once, each with file, line and reason, so
that an operator mends a file in one go. Files are opened by the caller.
"""

import re
from dataclasses import dataclass

from service.classify.nodes import Document, Mapping, TaxonomyError
from service.classify.terms import TermSyntaxError, parse_term
from service.classify.text import match_key, slugify, tokenise

__all__ = [
    "RESERVED",
    "Homonym",
    "Place",
    "PlaceRules",
    "TaxonomyError",
    "Topic",
    "parse_places",
    "parse_topics",
]

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_MAX_SLUG = 64
# What the last part of a feed's address may be that is not the feed of a topic.
RESERVED = frozenset(("all", "my", "search", "topics"))
_TOPIC_KEYS = {"slug", "name_tr", "name_en", "description_tr", "description_en", "terms"}
_TOPIC_KEYS |= {"sections", "publish", "review"}


@dataclass(frozen=True)
class Topic:
    """What an article can be about; ``terms`` in the syntax of ``service.classify.terms``."""

    slug: str
    name_tr: str
    name_en: str
    description_tr: str
    description_en: str
    terms: tuple[str, ...]
    sections: tuple[str, ...] = ()  # of the CMS; an article in one of them has this topic
    publish: float | None = None  # thresholds of this topic alone, where it needs its own
    review: float | None = None


@dataclass(frozen=True)
class Homonym:
    """How to tell a district from the word or the person of the same name."""

    needs_evidence: bool = False  # the bare name is not enough
    first_name: bool = False  # before another capitalised word it is a person
    surname: bool = False  # the same behind one
    not_before: tuple[str, ...] = ()  # expressions that, right before the name, reject it
    not_after: tuple[str, ...] = ()  # the same right after it


@dataclass(frozen=True)
class Place:
    """A district, with other names that stand for it. The homonym rule is for its own name only."""

    slug: str
    name: str
    aliases: tuple[str, ...] = ()  # stand for the district wherever they are read
    homonym: Homonym = Homonym()
    neighbourhoods: tuple[str, ...] = ()  # only where they are called neighbourhoods


@dataclass(frozen=True)
class PlaceRules:
    """All places of a city and the rules they share.

    The expressions are Python regular expressions in lower case. They meet text that is lower-cased
    and folded to plain letters, and are folded themselves, so Turkish letters may be written.
    """

    places: tuple[Place, ...]
    context_after: tuple[str, ...] = ()  # beginnings of words that mark the name before as a place
    office_after: tuple[str, ...] = ()  # titles that make it the name of a guest
    not_after: tuple[str, ...] = ()  # what is only named after a place
    neighbourhood_after: tuple[str, ...] = ()  # what a neighbourhood is called


def parse_topics(yaml_text: str, source_name: str) -> tuple[Topic, ...]:
    """Read topics; raises :class:`TaxonomyError` listing ``file:line: reason`` per mistake."""
    doc = Document(yaml_text, source_name)
    topics = [_topic(item) for item in doc.root({"topics"}).mappings("topics")]
    doc.check()
    return tuple(topics)


def _topic(item: Mapping) -> Topic:
    item.only(_TOPIC_KEYS)
    publish, review = item.share("publish"), item.share("review")
    if publish is not None and review is not None and review > publish:
        item.mistake(item.line_of("review"), "review must not be above publish")
    slug = _slug(item)
    if slug in RESERVED:
        item.mistake(item.line_of("slug"), f"{slug} cannot be a topic: feeds have it as a word")
    return Topic(
        slug=slug,
        name_tr=item.text("name_tr"),
        name_en=item.text("name_en"),
        description_tr=item.text("description_tr", is_required=False),
        description_en=item.text("description_en", is_required=False),
        terms=_terms(item),
        sections=_sections(item),
        publish=publish,
        review=review,
    )


def _sections(item: Mapping) -> tuple[str, ...]:
    listed = item.texts("sections")
    seen = set()
    for section, line in listed:
        key = section_key(section)
        if section.strip() and not key:
            item.mistake(line, f"the section {section!r} has no letters")
        elif key in seen:
            item.mistake(line, f"the section {section!r} is listed twice in this topic")
        seen.add(key)
    return tuple(section for section, _ in listed)


def _terms(item: Mapping) -> tuple[str, ...]:
    listed = item.texts("terms", is_required=True)
    seen = set()
    for spec, line in listed:
        try:
            term = parse_term(spec)
        except TermSyntaxError as error:
            item.mistake(line, str(error))
            continue
        if term.identity in seen:
            item.mistake(line, f"{spec!r} is listed twice in this topic")
        seen.add(term.identity)
    return tuple(spec for spec, _ in listed)


def section_key(section: str) -> str:
    """Return what makes two spellings one section: *İklim ve Çevre*, ``iklim-ve-cevre``."""
    return slugify(match_key(section))


def parse_places(yaml_text: str, source_name: str) -> PlaceRules:
    """Read places and their rules; raises :class:`TaxonomyError` like :func:`parse_topics`."""
    doc = Document(yaml_text, source_name)
    expressions = ("context_after", "office_after", "not_after", "neighbourhood_after")
    root = doc.root({"places", *expressions})
    taken: dict[str, str] = {}
    rules = PlaceRules(
        places=tuple(_place(item, taken) for item in root.mappings("places")),
        context_after=_expressions(root, "context_after"),
        office_after=_expressions(root, "office_after"),
        not_after=_expressions(root, "not_after"),
        neighbourhood_after=_expressions(root, "neighbourhood_after"),
    )
    doc.check()
    return rules


def _place(item: Mapping, taken: dict[str, str]) -> Place:
    item.only({"slug", "name", "aliases", "neighbourhoods", "homonym"})
    slug, name = _slug(item), item.text("name")
    aliases, neighbourhoods = item.texts("aliases"), item.texts("neighbourhoods")
    for other, line in [(name, item.line_of("name")), *aliases, *neighbourhoods]:
        key = match_key(other)
        if other.strip() and not tokenise(other):
            item.mistake(line, f"the name {other!r} has no letters")
        elif key and key in taken:
            item.mistake(line, f"the name {other!r} already stands for {taken[key]!r}")
        taken[key] = slug
    return Place(
        slug,
        name,
        tuple(alias for alias, _ in aliases),
        _homonym(item),
        tuple(neighbourhood for neighbourhood, _ in neighbourhoods),
    )


def _homonym(item: Mapping) -> Homonym:
    rule = item.mapping("homonym")
    if rule is None:
        return Homonym()
    rule.only({"meaning", "needs_evidence", "first_name", "surname", "not_before", "not_after"})
    rule.text("meaning", is_required=False)
    return Homonym(
        needs_evidence=rule.flag("needs_evidence"),
        first_name=rule.flag("first_name"),
        surname=rule.flag("surname"),
        not_before=_expressions(rule, "not_before"),
        not_after=_expressions(rule, "not_after"),
    )


def _slug(item: Mapping) -> str:
    slug = item.text("slug")
    if slug and (not _SLUG.fullmatch(slug) or len(slug) > _MAX_SLUG):
        item.mistake(
            item.line_of("slug"),
            f"bad slug {slug!r}: lower-case ASCII letters, digits and single hyphens, "
            f"{_MAX_SLUG} characters at most",
        )
    elif slug and not item.is_first(slug):
        item.mistake(item.line_of("slug"), f"duplicate slug {slug!r}")
    return slug


def _expressions(item: Mapping, key: str) -> tuple[str, ...]:
    found = item.texts(key)
    for expression, line in found:
        # Outside escapes such as \S: the text it meets has no capitals.
        if any(char.isupper() for char in re.sub(r"\\.", "", expression)):
            item.mistake(line, f"{expression!r}: write it in lower case")
        try:
            re.compile(expression)
        except re.error as error:
            item.mistake(line, f"{expression!r} is no regular expression: {error}")
    return tuple(expression for expression, _ in found)
