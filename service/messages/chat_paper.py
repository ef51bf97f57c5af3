"""The templates of chat messages, and the limits of services: what one installation has.

A file in `config/chat` goes before the one of the same name that comes with the program, and one
for a service (`article.discord.md`) before the one for its form (`article.md`). A value is escaped
as its service needs, wherever a template puts it. A template that cannot be used stops no news.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from jinja2 import ChoiceLoader, FileSystemLoader, StrictUndefined
from jinja2.exceptions import SecurityError

from service.logs import get_logger
from service.messages.chat_content import Content
from service.messages.chat_dialects import Dialect, Markup, dialect_of
from service.messages.chat_services import ChatService, chat_services
from service.messages.chat_text import shortened
from service.messages.sandbox import Sandbox
from service.messages.stationery import TemplateError, line_of

log = get_logger(__name__)

TEMPLATES = Path(__file__).parent.parent / "templates" / "chat"
_BLANK_LINES = re.compile(r"[ \t]*\n[ \t]*\n\s*")
_NONE: Mapping[str, tuple[str, ChatService]] = {}


class ChatPaper:
    """How this installation writes to each service; thread-safe. Without a folder of settings: by
    the program's own templates and limits."""

    def __init__(self, config_dir: Path | None = None) -> None:
        self._services = chat_services(config_dir) if config_dir else _NONE
        self._folder = config_dir / "chat" if config_dir else None
        self._shipped: dict[str, Sandbox] = {}
        self._own: dict[str, Sandbox] = {}
        self._files: frozenset[str] = frozenset()
        self._said: set[str] = set()  # to the log, once

    def rules(self, scheme: str) -> tuple[Dialect, int]:
        """How to write to a service, by its name or a scheme, and how much one message bears."""
        name, service = self._services.get(scheme) or self._named(scheme)
        if service is None:
            dialect = dialect_of(name)
            return dialect, dialect.longest
        return dialect_of(name, service.form), service.longest

    def _named(self, name: str) -> tuple[str, ChatService | None]:
        found = (service for known, service in self._services.values() if known == name)
        return name, next(found, None)

    def write(self, content: Content, dialect: Dialect, longest: int) -> str:
        """The message in the form of a service, of at most `longest` by the service's count; of
        plain text what follows the title."""
        try:
            return self.draft(content, dialect, longest)
        except TemplateError as error:
            if str(error) not in self._said:
                self._said.add(str(error))
                log.error("chat template not usable", detail=str(error))
        found = self._fitted(self._environment(dialect), content, dialect, longest)
        return self._bare(content, dialect, longest) if found is None else found

    def draft(self, content: Content, dialect: Dialect, longest: int) -> str:
        """As `write`, without the program's template to fall back to.

        Raises:
            TemplateError: the operator's template is wrong, or says more than the service bears.
        """
        folder = self._folder if self._folder is not None and self._folder.is_dir() else None
        files = frozenset(path.name for path in folder.iterdir()) if folder else frozenset()
        if files != self._files:  # Jinja looks again at a file it has read, not for a new one
            self._own, self._files = {}, files
        environment = self._environment(dialect, folder)
        try:
            found = self._fitted(environment, content, dialect, longest)
        except TemplateError:
            raise
        except Exception as error:  # whatever a template of an operator's can do wrong
            line = getattr(error, "lineno", None)
            at = f", line {line}" if line else line_of(error)
            where = f"{getattr(error, 'name', None) or content.template}.{dialect.suffix}"
            kind = "" if isinstance(error, SecurityError) else f"{type(error).__name__}: "
            raise TemplateError(f"chat/{where}{at}: {kind}{error}") from error
        if found is None:
            raise TemplateError(
                f"chat/{content.template}.{dialect.suffix}: longer than the {longest:,} that "
                f"{dialect.name or 'the service'} bears, however little it says"
            )
        return found

    def _fitted(
        self,
        environment: Sandbox,
        content: Content,
        dialect: Dialect,
        longest: int,
    ) -> str | None:
        names = [
            f"{content.template}.{dialect.name}.{dialect.suffix}",
            f"{content.template}.{dialect.suffix}",
        ]
        template = environment.select_template(names)

        def write(content: Content) -> str:
            written = template.render(content.values)
            return dialect.finish(_BLANK_LINES.sub("\n\n", written).strip())

        return content.fitted(write, lambda text: dialect.size(text) <= longest)

    def _bare(self, content: Content, dialect: Dialect, longest: int) -> str:
        """Where not even the shortest fits: as much of the title as does."""
        longest = longest if dialect.has_title_inside else 0
        for size in range(min(len(content.title), longest), 0, -1):
            found = dialect.finish(dialect.strong(shortened(content.title, size)))
            if dialect.size(found) <= longest:
                return found
        return ""

    def _environment(self, dialect: Dialect, folder: Path | None = None) -> Sandbox:
        kept = self._own if folder else self._shipped
        key = f"{dialect.form}:{dialect.name}"
        if key not in kept:
            kept[key] = _environment(dialect, folder)
        return kept[key]


def _environment(dialect: Dialect, folder: Path | None) -> Sandbox:
    """Jinja escapes for HTML only: here each value that is written passes the service's escape."""

    def escaped(value: object) -> str:
        return value if isinstance(value, Markup) else Markup(dialect.escape(str(value)))

    folders = [one for one in (folder, TEMPLATES) if one is not None]
    environment = Sandbox(
        loader=ChoiceLoader([FileSystemLoader(one) for one in folders]),
        autoescape=False,
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals = {"bold": dialect.strong, "link": dialect.linked}
    return environment


@lru_cache(maxsize=4)  # compiled once for all batches of a worker
def chat_paper(config_dir: Path | None = None) -> ChatPaper:
    """The templates and limits of an installation."""
    return ChatPaper(config_dir)
