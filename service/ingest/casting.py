"""Makes of what a preset's expressions found what the canonical article takes.

A foreign CMS cannot be asked to send a shorter title, so what is too long is cut at a word's end,
and what an article can do without is dropped; each time a warning says so, for the dry run.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from pydantic import ValidationError

from service.ingest.article import Image, clean_line, clean_text
from service.ingest.presetcheck import PLACEHOLDER
from service.ingest.presets import Rules
from service.ingest.richtext import TreeTooLargeError, words_of

RESERVED = ":/?#[]@!$&'()*+,;=%"
# Limits of the canonical article (ingest guide, section 2), in characters and items.
MAX_TITLE, MAX_SUMMARY, MAX_BODY, MAX_LABEL, MAX_LABELS = 300, 1000, 200_000, 100, 50

# No pattern looks behind the next `<`, so that none takes quadratic time.
_TAG = re.compile(r"</?[a-zA-Z!][^<>]*>")
_BLOCK = re.compile(r"<(?:p|div|ul|ol|table|blockquote|h[1-6]|figure|section)\b", re.I)
_BLOCK_END = re.compile(r"</(?:p|div|h[1-6]|li|blockquote|tr|ul|ol|table)>|<br ?/?>", re.I)
_HIDDEN = re.compile(r"<(script|style)\b", re.I | re.A)
_DATA_URI = re.compile(r"""\ssrc=(?:"data:[^"]*"|'data:[^']*')""")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_NO_DATE = re.compile(r"000[01]-")  # WordPress and .NET write their zero where there is no date


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut at a word's end; a cut text ends in an ellipsis."""
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    at = max(cut.rfind(" "), cut.rfind("\n"))
    return (cut[:at] if at > limit // 2 else cut).rstrip(" ,;:–-\n") + "…"


def plain(markup: str) -> str:
    """The words of HTML without a parser, for markup that is too large or too broken for one."""
    kept, at = [], 0
    while hidden := _HIDDEN.search(markup, at):
        kept.append(markup[at : hidden.start()])
        end = re.compile(f"</{hidden[1]}", re.I | re.A).search(markup, hidden.end())
        at = end.start() if end else len(markup)
    text = _BLOCK_END.sub("\n\n", "".join([*kept, markup[at:]]))
    return html.unescape(_TAG.sub("", text))


def expand(template: str, values: Mapping[str, Any]) -> str | None:
    """Fill `{name}` percent-encoded, `{+name}` as an address or a path (RFC 6570, section 3.2.3);
    null where a value is missing.

    A value that would climb (`..`) counts as missing: it must not lead a fetch with a token
    elsewhere.
    """
    is_complete = True

    def fill(found: re.Match[str]) -> str:
        nonlocal is_complete
        value = values.get(found[2])
        text = str(value).strip() if isinstance(value, str | int) else ""
        if not found[1]:
            text = text.strip("/")
        if not text or isinstance(value, bool) or {".", ".."} & set(text.split("/")):
            is_complete = False
        return quote(text, safe=RESERVED if found[1] else "", errors="replace")

    expanded = PLACEHOLDER.sub(fill, template)
    return expanded if is_complete else None


def pick(value: Any, locales: tuple[str, ...]) -> tuple[str, Any]:
    """Where a value is an object by language, the language preferred among those that have text,
    and its value; any other value as it is."""
    if not locales or not isinstance(value, dict):
        return "", value
    keys = [key for key in value if not key.startswith("_")]  # Sanity's `_type`
    if not keys or not all(_LANGUAGE.fullmatch(key) for key in keys):
        return "", value
    order = [*(key for key in locales if key in keys), *keys]
    best = next((key for key in order if value[key]), order[0])
    return best, value[best]


class Caster:
    """Casts the fields of one article and keeps the warnings."""

    def __init__(self, rules: Rules, base_url: str) -> None:
        self.warnings: list[str] = []
        self._rules = rules
        self._base_url = base_url

    def cast(self, found: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """Everything of a canonical article but its id and state; what is empty is left out."""
        locale, found = self._localised(found)
        template = expand(self._rules.url_template, values) if self._rules.url_template else None
        article = {
            "title": self._words("title", found, MAX_TITLE, is_line=True),
            "summary": self._words("summary", found, MAX_SUMMARY),
            "change_note": self._words("change_note", found, MAX_SUMMARY, is_line=True),
            **self._body(found),
            "url": self._url("url", found.get("url")) or self._url("url", template),
            "language": self._language(found.get("language"), locale),
            "published_at": date(found.get("published_at")),
            "updated_at": date(found.get("updated_at")),
            "sections": self._labels("sections", found.get("sections")),
            "tags": self._labels("tags", found.get("tags")),
            "places": self._places(found.get("places")),
            "image": self._image(found.get("image"), found.get("image_alt")),
        }
        for name in ("urgent", "commercial", "notify_update"):
            article[name] = found.get(name) is True
        return {name: value for name, value in article.items() if value not in ("", None, [])}

    def _localised(self, found: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        picked = {name: pick(value, self._rules.locales) for name, value in found.items()}
        locale = picked.get("title", ("", None))[0]
        return locale, {name: value for name, (_, value) in picked.items()}

    def _words(self, name: str, found: dict[str, Any], limit: int, *, is_line: bool = False) -> str:
        value = found.get(name)
        if isinstance(value, str):
            text = plain(value) if name in self._rules.html else value
        else:
            text = self._tree(name, value)
        return self._shorten(name, clean_line(text) if is_line else clean_text(text), limit)

    def _tree(self, name: str, value: Any) -> str:
        try:
            return words_of(value)
        except TreeTooLargeError:
            self.warnings.append(f"{name}: too large a tree; dropped")
            return ""

    def _shorten(self, name: str, text: str, limit: int) -> str:
        if len(text) > limit:
            self.warnings.append(f"{name}: cut from {len(text)} to {limit} characters")
        return shorten(text, limit)

    def _body(self, found: dict[str, Any]) -> dict[str, str]:
        """`body` may be HTML, plain text or a tree; `body_html` and `body_text` say which."""
        for name in ("body_html", "body", "body_text"):
            value = found.get(name)
            if not isinstance(value, str):
                value, is_html = self._tree(name, value), False
            else:
                is_html = name == "body_html" or name in self._rules.html
                is_html = is_html or (name == "body" and _TAG.search(value) is not None)
            if value.strip():
                return self._html(value) if is_html else self.text_body(value)
        return {}

    def _html(self, markup: str) -> dict[str, str]:
        if len(markup) > MAX_BODY:  # mostly pictures that were pasted into the text
            markup = _DATA_URI.sub("", markup)
        if not _BLOCK.search(markup):  # WordPress before blocks stores bare lines
            parts = (part.strip() for part in re.split(r"\n{2,}", markup.replace("\r\n", "\n")))
            markup = "".join(f"<p>{part}</p>" for part in parts if part)
        if len(markup) <= MAX_BODY:
            return {"body_html": markup}
        return self.text_body(plain(markup))

    def text_body(self, text: str) -> dict[str, str]:
        return {"body_text": self._shorten("body", clean_text(text), MAX_BODY)}

    def _url(self, name: str, value: Any) -> str | None:
        if isinstance(value, dict):
            value = value.get("url") or value.get("contentUrl") or value.get("@id")
        if not isinstance(value, str) or not value.strip():
            return None
        try:
            url = urljoin(self._base_url, value.strip())
            is_absolute = bool(urlsplit(url).scheme)
        except ValueError:
            is_absolute = False
        if not is_absolute:
            self.warnings.append(f"{name}: is relative, and the source has no base address")
            return None
        return url

    def _language(self, value: Any, locale: str) -> str | None:
        text = value.replace("_", "-") if isinstance(value, str) else ""
        for candidate in (text, locale):
            if len(candidate) <= 16 and _LANGUAGE.fullmatch(candidate):
                return candidate
        return None

    def _labels(self, name: str, value: Any) -> list[str]:
        """A list of names; a text is one section, but several tags with commas between them."""
        if isinstance(value, str):
            value = value.split(",") if name == "tags" else [value]
        items = value if isinstance(value, list) else []
        texts = [item for item in items if isinstance(item, str)]
        if len(texts) < len(items):
            self.warnings.append(f"{name}: {len(items) - len(texts)} that have no name; dropped")
        if name in self._rules.html:
            texts = [plain(text) for text in texts]
        labels = [shorten(clean_line(text), MAX_LABEL) for text in texts]
        unique = list(dict.fromkeys(label for label in labels if label))
        if len(unique) > MAX_LABELS:
            self.warnings.append(f"{name}: only the first {MAX_LABELS} of {len(unique)}")
        return unique[:MAX_LABELS]

    def _places(self, value: Any) -> list[str]:
        prefix = self._rules.place_prefix
        return [place.removeprefix(prefix) for place in self._labels("places", value)]

    def _image(self, value: Any, alt: Any) -> dict[str, str] | None:
        first = next(iter(value), None) if isinstance(value, list) else value
        url = self._url("image", first)
        if url is None:
            return None
        image = {"url": url, "alt": shorten(clean_line(alt), 500) if isinstance(alt, str) else ""}
        try:
            Image.model_validate(image)
        except ValidationError:
            self.warnings.append("image: its address is not one; dropped")
            return None
        return image


def date(value: Any) -> Any:
    """A date as it came; null for what stands for none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, str):
        value = value.strip()
        return None if _NO_DATE.match(value) else value
    return value
