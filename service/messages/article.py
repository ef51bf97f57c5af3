"""What the templates of an article's letter may name: plain texts, clean and of bounded length."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from service.messages.story import Name, Story
from service.messages.wording import long_date, opening, printable, words

MAX_TITLE = 400  # characters, as all of these
MAX_SUMMARY = 1_200
MAX_NOTE = 1_000
MAX_NAMES = 300
MAX_NAME = 100
MAX_URL = 4_000
RTL = frozenset(("ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"))


def article_values(
    story: Story, language: str, local_date: Callable[[datetime], date]
) -> dict[str, str]:
    """The values of `article`, as `docs/mail-templates.md` lists them."""
    title, note = printable(story.title, MAX_TITLE), printable(story.note, MAX_NOTE)
    say = opening(story.kind, title, note, language)
    at = story.published_at
    return {
        "kind": story.kind,
        "subject": say.title,
        "title": title,
        "lead": say.lead,
        "note": say.note,
        "summary": printable(story.summary or story.body_text, MAX_SUMMARY),
        "url": printable(story.url, MAX_URL),
        "story_language": story.language,
        "direction": "rtl" if story.language.partition("-")[0] in RTL else "auto",
        "topics": printable(story.topic_names(language), MAX_NAMES),
        "places": printable(story.place_names(language), MAX_NAMES),
        "date": long_date(local_date(at), language) if at else "",
    }


def reason_values(
    story: Story, language: str, topic_id: int | None, place: Name | None
) -> dict[str, str]:
    """The values of `why` but for the date: what was asked for, and the words that met it."""
    say = words(language)
    topic = next((topic for topic in story.topics if topic.id == topic_id), None)
    about = topic_id or (story.topics[0].id if story.topics else 0)
    return {
        "topic": printable(topic.spoken(language), MAX_NAME) if topic else say["all_topics"],
        "place": printable(place.spoken(language), MAX_NAME) if place else say["whole_city"],
        "frequency": say["instant"],
        "terms": printable(", ".join(story.terms.get(about, ())), MAX_NAMES),
    }
