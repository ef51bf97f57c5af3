"""How the pages of one site are read: data that an operator edits (`config/pull/default.toml`)."""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lxml.cssselect import CSSSelector
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from service.ingest.drafting import errors_of
from service.ingest.markup import Element

MAX_SELECTOR = 500
_PART = re.compile(r"\{([a-z]+)\}")


class RulesError(ValueError):
    """Rules have mistakes; a line for each."""


class PullRules(BaseModel):
    """The keys of `config/pull/default.toml`, which says what each does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    links: str = Field("a[href]", max_length=MAX_SELECTOR)
    article_path: str = Field("", max_length=MAX_SELECTOR)
    title: str = Field("", max_length=MAX_SELECTOR)
    date: str = Field("", max_length=MAX_SELECTOR)
    summary: str = Field("", max_length=MAX_SELECTOR)
    body: str = Field("", max_length=MAX_SELECTOR)
    drop: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()

    @field_validator("links", "title", "date", "summary", "body")
    @classmethod
    def _selects(cls, value: str) -> str:
        try:
            _compiled(value)
        except Exception as error:  # cssselect has errors of several families
            raise ValueError("is no CSS selector") from error
        return value

    @field_validator("article_path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if value and not value.startswith("/"):
            raise ValueError("must begin with /")
        if "*" in value[:-1]:
            raise ValueError("may have a * at its end only")
        if value.count("{number}") > 1:
            raise ValueError("may have {number} once only")
        return value

    def select(self, name: str, root: Element) -> list[Element]:
        """What the selector of this name finds; nothing for an empty one."""
        selector: str = getattr(self, name)
        return list(_compiled(selector)(root)) if selector else []

    def fits(self, url: str) -> bool:
        """Whether this is the address of an article."""
        return not self.article_path or _matched(self.article_path, url) is not None

    def number_in(self, url: str) -> str:
        """The article's id in its address; empty where it has none."""
        found = _matched(self.article_path, url) if "{number}" in self.article_path else None
        return found["number"] if found is not None else ""


def load_rules(config_dir: Path, own: dict[str, Any]) -> PullRules:
    """The defaults, and what a source says otherwise.

    Raises:
        RulesError: a key that there is not, or a value that it does not take.
    """
    path = config_dir / "pull" / "default.toml"
    try:
        default = tomllib.loads(path.read_text(encoding="utf-8"))
        return PullRules.model_validate({**default, **own})
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise RulesError(f"{path}: {error}") from error
    except ValidationError as error:
        lines = [f"{field}: {message}" for field, message in errors_of(error)]
        raise RulesError("\n".join(lines)) from error


@lru_cache(maxsize=256)
def _compiled(selector: str) -> CSSSelector:
    return CSSSelector(selector or "*", translator="html")


@lru_cache(maxsize=256)
def _pattern(article_path: str) -> re.Pattern[str]:
    """Each part takes what has no slash, so that no address takes long to compare."""
    bare = article_path.removesuffix("*")
    text, at = "", 0
    for found in _PART.finditer(bare):
        part = r"(?P<number>\d{1,20})" if found[1] == "number" else r"[^/]+"
        text += re.escape(bare[at : found.start()]) + part
        at = found.end()
    rest = ".*" if article_path.endswith("*") else "/?"
    return re.compile(text + re.escape(bare[at:]) + rest, re.DOTALL)


def _matched(article_path: str, url: str) -> re.Match[str] | None:
    return _pattern(article_path).fullmatch(urlsplit(url).path)
