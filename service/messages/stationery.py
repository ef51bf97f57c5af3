"""Stationery: the templates of letters, and those that staff put in their place.

A version that staff published goes before a file in `config/mail`, and that before the one of the
same name that comes with the program. One that cannot be used must not stop news: the letter is
then written by the program's own template, and the log says once what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    DictLoader,
    FileSystemLoader,
    StrictUndefined,
    TemplateSyntaxError,
    UndefinedError,
    select_autoescape,
)
from jinja2.exceptions import SecurityError

from service.logs import get_logger
from service.messages.sandbox import Sandbox

log = get_logger(__name__)

TEMPLATES = Path(__file__).parent.parent / "templates" / "mail"
MAX_BYTES = 60_000  # of one part; Gmail cuts a mail off at 102 KB (email guide, rule 8)
_FORBIDDEN = re.compile("<(?:script|form|iframe)", re.ASCII | re.IGNORECASE)
_NONE: Mapping[str, str] = {}


class TemplateError(ValueError):
    """A template cannot be used; the sentence names it and says why."""


@dataclass(frozen=True)
class Sheet:
    """Both parts of a letter, as a template makes them."""

    text: str
    html: str


@dataclass(frozen=True)
class Published:
    """The texts in use that staff published, by name of the file; the same ones are equal."""

    texts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Published:
        return cls(tuple(sorted(texts.items())))


class Stationery:
    """The templates of one installation; thread-safe."""

    def __init__(self, folder: Path, published: Published = Published()) -> None:
        self._shipped = _environment(FileSystemLoader(TEMPLATES))
        self._folder, self._published = folder, dict(published.texts)
        self._files: list[str] = []
        self._own = self._with_own() if self._published else self._shipped
        self._said: set[str] = set()  # to the log, once
        self._new: set[str] = set()

    @property
    def names(self) -> list[str]:
        """The files that make up letters."""
        return sorted(path.name for path in TEMPLATES.iterdir())

    @property
    def replaced(self) -> list[str]:
        """The names of the files that stand in the place of the program's."""
        return sorted(name for name in self._names() if (TEMPLATES / name).exists())

    def complaints(self) -> list[str]:
        """What was wrong with templates of the staff's since this was last asked."""
        found, self._new = sorted(self._new), set()
        return found

    def source(self, name: str) -> str:
        """The text of a file as letters have it now.

        Raises:
            KeyError: no letter has a file of this name.
        """
        if name not in self.names:
            raise KeyError(name)
        return self._published.get(name) or self.installed(name)

    def installed(self, name: str) -> str:
        """The text of a file where nothing is published: the operator's own, else the program's."""
        own = self._folder / name
        return (own if own.is_file() else TEMPLATES / name).read_text("utf-8", "replace")

    @property
    def strangers(self) -> list[str]:
        """Templates that replace nothing, because no other has their name."""
        return sorted(name for name in self._names() if not (TEMPLATES / name).exists())

    def _names(self) -> list[str]:
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return [path.name for path in found if path.suffix in (".html", ".txt")]

    def write(
        self, name: str, values: Mapping[str, Any], slots: Mapping[str, str] = _NONE
    ) -> Sheet:
        """Fill in a template: `name.txt` and `name.html`.

        `slots` are further values, marks for what is filled in later: each must be in both parts
        exactly once.

        Raises:
            TemplateError: the program's own template is wrong.
        """
        try:
            return self.draft(name, values, slots)
        except TemplateError as error:
            if not self.replaced and not self._published:
                raise
            self._new.add(str(error))
            if str(error) not in self._said:
                self._said.add(str(error))
                log.error("mail template not usable", template=name, detail=str(error))
        return _sheet(self._shipped, name, values, slots)

    def draft(
        self, name: str, values: Mapping[str, Any], slots: Mapping[str, str] = _NONE
    ) -> Sheet:
        """As `write`, without the program's template to fall back to.

        Raises:
            TemplateError: the template is wrong.
        """
        files = self.replaced
        if files != self._files:  # Jinja looks again at a file it has read, not for a new one
            self._own, self._files = self._with_own(), files
        return _sheet(self._own, name, values, slots)

    def _with_own(self) -> Sandbox:
        loaders = [FileSystemLoader(self._folder), FileSystemLoader(TEMPLATES)]
        return _environment(ChoiceLoader([DictLoader(self._published), *loaders]))


@lru_cache(maxsize=8)  # compiled once for all batches of a worker; a changed file is read anew
def stationery(folder: Path, published: Published = Published()) -> Stationery:
    """The stationery of an installation; drafts that are only tried make their own."""
    return Stationery(folder, published)


def _environment(loader: BaseLoader) -> Sandbox:
    return Sandbox(
        loader=loader,
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _sheet(
    environment: Sandbox,
    name: str,
    values: Mapping[str, Any],
    slots: Mapping[str, str],
) -> Sheet:
    text = _part(environment, f"{name}.txt", {**values, **slots})
    html = _part(environment, f"{name}.html", {**values, **slots})
    for file, part in ((f"{name}.txt", text), (f"{name}.html", html)):
        for slot, mark in slots.items():
            found = part.count(mark)
            if found != 1:
                how = f"is there {found} times" if found else "is missing"
                raise TemplateError(f"{file}: {{{{ {slot} }}}} {how}; it belongs there once")
    return Sheet(text, html)


def _part(environment: Sandbox, file: str, values: Mapping[str, Any]) -> str:
    try:
        written = environment.get_template(file).render(values)
    except TemplateSyntaxError as error:
        raise TemplateError(
            f"{error.name or file}, line {error.lineno}: {error.message}"
        ) from error
    except (UndefinedError, SecurityError) as error:
        raise TemplateError(f"{file}{line_of(error)}: {error.message}") from error
    except Exception as error:  # whatever a template of the staff's can do wrong
        raise TemplateError(f"{file}{line_of(error)}: {type(error).__name__}: {error}") from error
    if len(written.encode("utf-8", "replace")) > MAX_BYTES:
        raise TemplateError(f"{file}: longer than {MAX_BYTES:,} bytes, which mailboxes cut off")
    if file.endswith(".html") and (found := _FORBIDDEN.search(written)):
        raise TemplateError(f"{file}: {found[0]}> has no place in a mail; mailboxes refuse it")
    return written


def line_of(error: Exception) -> str:
    """The template's line that raised it."""
    found = ""
    trace = error.__traceback__
    while trace is not None:
        file = Path(trace.tb_frame.f_code.co_filename)
        if file.suffix in (".html", ".txt", ".md", ".mrkdwn"):
            found = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return found
