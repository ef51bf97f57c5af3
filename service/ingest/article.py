"""The canonical article, `tellal.article/1`: its shape, its limits, and cleaning on entry."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import nh3
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

EXTERNAL_ID = re.compile(r"[A-Za-z0-9._:/-]{1,200}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2060\ufeff\ufffe\uffff]")
# Half of a letter whose two bytes were read as Latin-1. It must not vanish: it shows the damage.
_HALF_LETTER = re.compile(r"(?<=[\u00c3-\u00c5\u00e2])[\x80-\x9f]+")
_EMPTY_PARAGRAPH = re.compile(r"<p>(?:\s|&nbsp;)*</p>")
_NEEDS_CLOSING = re.compile(
    r"<(/?)(?:a|b|big|blockquote|code|div|em|font|h[1-6]|i|nobr|ol|s|section|small|span|strike"
    r"|strong|table|tt|u|ul)\b",
    re.I,
)
MAX_UNCLOSED = 200  # a parser repeats open tags in every block: 200 KB of them become gigabytes
_BLOCK_END = re.compile(r"</(?:p|div|h[1-6]|li|blockquote|tr|ul|ol|table)>|<br ?/?>", re.I)

ALLOWED_TAGS = {
    *("a", "abbr", "b", "blockquote", "br", "code", "em", "figcaption", "figure", "h2", "h3"),
    *("h4", "hr", "i", "img", "li", "ol", "p", "pre", "q", "s", "small", "strong", "sub", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}
ALLOWED_ATTRIBUTES = {
    "a": {"href", "title", "lang"},
    "img": {"src", "alt", "width", "height"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "p": {"lang"},
}
_SAFE = nh3.Cleaner(
    tags=ALLOWED_TAGS,
    attributes=ALLOWED_ATTRIBUTES,
    url_schemes={"http", "https", "mailto", "tel"},
    link_rel="noopener noreferrer",
)
_BARE = nh3.Cleaner(tags=set())


def clean_text(text: str) -> str:
    """NFC without control characters; line breaks stay, other white space is folded."""
    for line_break in ("\r\n", "\r", "\x85"):
        text = text.replace(line_break, "\n")
    text = unicodedata.normalize("NFC", text)
    text = "\n".join(_folded(line) for line in text.split("\n"))
    return (re.sub(r"\n{3,}", "\n\n", text) if "\n\n\n" in text else text).strip()


def _folded(line: str) -> str:
    if line.isprintable() and "  " not in line:  # nearly every line, and quickly told
        return line.strip()
    return " ".join(_without_control(line).split())


def clean_line(text: str) -> str:
    """As `clean_text`, on one line."""
    return " ".join(clean_text(text).split())


def clean_html(html: str) -> str:
    """Keep what an article needs and nothing that could run, load or restyle."""
    safe = _SAFE.clean(_without_control(unicodedata.normalize("NFC", html)))
    plain = _without_control(safe)
    if plain != safe:  # written as entities; what is left without them is judged anew
        plain = _SAFE.clean(plain)
    return _EMPTY_PARAGRAPH.sub("", plain).strip()


def _without_control(text: str) -> str:
    if text.replace("\n", "").isprintable():
        return text
    return _CONTROL.sub("", _HALF_LETTER.sub("\ufffd", text))


def text_of(html: str) -> str:
    """The words of cleaned HTML, a line for each block."""
    bare = _BARE.clean(_BLOCK_END.sub("\n", html))
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&amp;", "&")):
        bare = bare.replace(entity, character)
    return clean_text(bare)


def _no_zero_date(value: Any) -> Any:
    """WordPress sends `0000-00-00 00:00:00` for a date that it has not."""
    return None if isinstance(value, str) and value.startswith("0000-00-00") else value


def _in_range(value: datetime | None) -> datetime | None:
    """Years that no zone and no database shifts over the edge of the calendar."""
    if value is not None and not 1900 <= value.year <= 2200:
        raise ValueError("must be a date between 1900 and 2200")
    return value


def _closed(value: str) -> str:
    open_tags = sum(-1 if tag[1] else 1 for tag in _NEEDS_CLOSING.finditer(value))
    if open_tags > MAX_UNCLOSED:
        raise ValueError(f"has {open_tags} tags that are never closed")
    return value


@lru_cache(maxsize=256)  # a source names the same few again and again
def _is_host(name: str) -> bool:
    """Raises ValueError where it cannot be one."""
    return name.encode("idna") != b""


def _https(value: str) -> str:
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
        is_plain = parts.username is None and _is_host(host or "")
    except ValueError as error:
        raise ValueError("must be a valid address") from error
    if (
        parts.scheme not in ("https", "http")
        or not is_plain
        or not value.isprintable()  # blanks, control characters and what has no width
        or re.search(r"[ <>\"\\]", value)
    ):
        raise ValueError("must be an absolute https address without spaces")
    return value


Line = Annotated[str, AfterValidator(clean_line)]
Text = Annotated[str, AfterValidator(clean_text)]
Html = Annotated[str, Field(max_length=200_000), AfterValidator(_closed)]
Date = Annotated[datetime | None, BeforeValidator(_no_zero_date), AfterValidator(_in_range)]
Url = Annotated[str, AfterValidator(_https)]
Labels = Annotated[list[Annotated[Line, Field(max_length=100)]], Field(max_length=50)]


class Image(BaseModel):
    """The article's picture; without a text that describes it, it is decoration."""

    url: Url
    alt: Annotated[Line, Field(max_length=500)] = ""


class CanonicalArticle(BaseModel):
    """One article as Tellal takes it. Unknown fields are ignored, so that a CMS may send more."""

    model_config = ConfigDict(title="Article", extra="ignore")

    spec: Literal["tellal.article/1"] = "tellal.article/1"
    id: str = Field(
        pattern=r"^[A-Za-z0-9._:/-]{1,200}$", description="The CMS's own id, never reused."
    )
    state: Literal["published", "withdrawn"] = Field(description="Public now, or not.")
    url: Url | None = Field(None, max_length=2000, description="Where people read it.")
    title: Annotated[Line, Field(max_length=300)] = ""
    summary: Annotated[Text, Field(max_length=1000)] = ""
    body_html: Html | None = None
    body_text: Annotated[Text, Field(max_length=200_000)] | None = None
    language: str = Field("tr", max_length=16, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")
    published_at: Date = Field(None, description="RFC 3339; without a zone: the source's zone.")
    updated_at: Date = None
    sections: Labels = Field(default_factory=list)
    tags: Labels = Field(default_factory=list)
    places: Labels = Field(default_factory=list, description="Slugs of districts.")
    image: Image | None = None
    urgent: bool = False
    commercial: bool = False
    notify_update: bool = False
    change_note: Annotated[Line, Field(max_length=1000)] | None = None

    @model_validator(mode="after")
    def _published_is_complete(self) -> CanonicalArticle:
        if self.state == "published":
            if not self.title:
                raise ValueError("title: a published article needs a title")
            if not self.url:
                raise ValueError("url: a published article needs its address")
        return self

    def html(self) -> str:
        """The cleaned body as HTML, made of the plain text where no HTML came."""
        return self._html

    @cached_property
    def _html(self) -> str:
        if self.body_html is not None:
            return clean_html(self.body_html)
        paragraphs = (nh3.clean_text(part) for part in (self.body_text or "").split("\n\n"))
        return "".join(f"<p>{part}</p>" for part in paragraphs if part)

    def text(self) -> str:
        """The words of the body."""
        return text_of(self.html()) if self.body_html is not None else (self.body_text or "")


def content_hash(article: CanonicalArticle, body_text: str) -> str:
    """What makes two versions the same: the words and what decides who hears them.

    Never times, counters or markup (ingest guide, section 3).
    """
    content = {
        "title": article.title,
        "summary": article.summary,
        "body": body_text,
        "url": article.url,
        "language": article.language,
        "sections": article.sections,
        "tags": article.tags,
        "places": article.places,
        "urgent": article.urgent,
        "commercial": article.commercial,
    }
    return hashlib.sha256(
        json.dumps(content, sort_keys=True, ensure_ascii=False).encode()
    ).hexdigest()


def in_zone(moment: datetime | None, zone: str) -> datetime | None:
    """An aware time; a naive one is read as the source's local time."""
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=ZoneInfo(zone))
