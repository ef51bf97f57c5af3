"""`tellal classify`: try the terms on articles, one JSON object a line in and out."""

from __future__ import annotations

import json
from typing import IO, Any

import click

from service.cli.refusal import Refusal
from service.settings import load

TEXTS = ("title", "summary", "body", "body_html", "body_text")


@click.command()
@click.argument(
    "file", type=click.File("r", encoding="utf-8", errors="surrogateescape"), default="-"
)
def classify(file: IO[str]) -> None:
    """Classify articles: JSON lines {id, title, summary, body} in, topics and places out.

    Uses config/topics.yaml and config/places.yaml, no database. Topics are those that would be
    published; each has its score and the words that speak for it.
    """
    from service.classify import ArticleText, Classifier
    from service.taxonomy import places_of, topics_of

    config_dir = load().config_dir
    classifier = Classifier(topics_of(config_dir), places_of(config_dir))
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        item = _item(line, number)
        text = ArticleText(item.get("title", ""), item.get("summary", ""), _body(item))
        found = classifier.classify(text)
        answer = {"id": item.get("id"), "topics": _topics(found), "places": _places(found)}
        if found.damage:
            answer["damage"] = found.damage
        click.echo(json.dumps(answer, ensure_ascii=False))


def _item(line: str, number: int) -> dict[str, Any]:
    if not line.isascii() and any("\udc80" <= character <= "\udcff" for character in line):
        raise Refusal(f"line {number} is not UTF-8")
    try:
        item = json.loads(line)
    except ValueError as error:
        raise Refusal(f"line {number} is not JSON: {error}") from error
    if not isinstance(item, dict):
        raise Refusal(f"line {number} must be an object with id, title, summary and body")
    wrong = [key for key in TEXTS if not isinstance(item.get(key) or "", str)]
    if wrong:
        raise Refusal(f"line {number}: {', '.join(wrong)} must be text")
    if not any(item.get(key) for key in TEXTS):
        raise Refusal(f"line {number} has no text; give one of {', '.join(TEXTS)}")
    return {key: value for key, value in item.items() if value is not None}


def _body(item: dict[str, Any]) -> str:
    """The body as plain text; that of a canonical article is taken too."""
    from service.ingest.article import clean_html, text_of

    if html := item.get("body_html"):
        return text_of(clean_html(html))
    return str(item.get("body") or item.get("body_text") or "")


def _topics(found: Any) -> list[dict[str, Any]]:
    from service.classify import Band

    return [
        {
            "slug": label.slug,
            "score": round(label.score, 4),
            "evidence": [
                {"term": e.term, "field": e.field, "text": e.text, "weight": round(e.weight, 4)}
                for e in label.evidence
            ],
        }
        for label in found.topics
        if label.band is Band.PUBLISH
    ]


def _places(found: Any) -> list[str]:
    return [label.slug for label in found.places]
