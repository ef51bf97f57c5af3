"""Reads the keys of one preset file and writes a line for each mistake, instead of stopping."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from service.ingest.expressions import Expression, ExpressionError, compile_expression
from service.ingest.schemes import SCHEMES

FIELDS = frozenset(
    {"title", "summary", "body", "body_html", "body_text", "url", "language"}
    | {"published_at", "updated_at", "sections", "tags", "places", "image", "image_alt"}
    | {"urgent", "commercial", "notify_update", "change_note"}
)
HTML_FIELDS = frozenset({"title", "summary", "body", "sections", "tags", "change_note"})
ALIAS_KINDS = frozenset({"id", "guid", "url"})
PLACEHOLDER = re.compile(r"\{(\+?)([a-z_]+)\}")  # `{+x}` keeps slashes: RFC 6570, section 3.2.3
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_HEADER = re.compile(r"[a-z0-9-]{1,64}")
_TEMPLATE = re.compile(r"(https?://|/)[^\s{}]*")


class Reader:
    """One table of one file. Every method gives something harmless where the key is wrong."""

    def __init__(
        self, file: str, data: dict[str, Any], mistakes: list[str], prefix: str = ""
    ) -> None:
        self.data = data
        self._file = file
        self._mistakes = mistakes
        self._prefix = prefix

    def wrong(self, key: str, reason: str) -> None:
        self._mistakes.append(f"{self._file}: {self._prefix}{key}: {reason}")

    def check_name(self, name: str) -> None:
        if not _NAME.fullmatch(name):
            self._mistakes.append(
                f"{self._file}: file name: use small letters, digits and hyphens, as in my-cms.toml"
            )

    def only(self, known: Collection[str]) -> None:
        for key in sorted(self.data.keys() - set(known)):
            self.wrong(key, f"is no key of a preset; known are {', '.join(sorted(known))}")

    def table(self, key: str) -> Reader | None:
        value = self.data.get(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(key, "must be a table")
            return None
        return Reader(self._file, value, self._mistakes, f"{self._prefix}{key}.")

    def flag(self, key: str) -> bool:
        value = self.data.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "must be true or false")
        return value is True

    def text(self, key: str) -> str:
        value = self.data.get(key, "")
        if not isinstance(value, str):
            self.wrong(key, "must be a text")
            return ""
        return value

    def header(self, key: str) -> str:
        name = self.text(key)
        if name and not _HEADER.fullmatch(name):
            self.wrong(key, "must be a header name in small letters")
        return name

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.wrong(key, "must be a list of texts")
            return ()
        return tuple(value)

    def choice(self, key: str, allowed: tuple[str, ...]) -> str:
        value = self.data.get(key, allowed[0])
        if value not in allowed:
            self.wrong(key, f"must be one of {', '.join(allowed)}")
            return allowed[0]
        return str(value)

    def expression(
        self, key: str, *, required: bool = False, refuse_personal: bool = False
    ) -> Expression | None:
        value = self.data.get(key)
        if value is None:
            if required:
                self.wrong(key, "is missing")
            return None
        if not isinstance(value, str):
            self.wrong(key, "must be a JMESPath expression in quotes")
            return None
        try:
            return compile_expression(value, refuse_personal=refuse_personal)
        except ExpressionError as error:
            self.wrong(key, str(error))
            return None

    def expressions(
        self, key: str, allowed: Collection[str] | None = None
    ) -> Mapping[str, Expression]:
        """A table of expressions for what is stored, so that none may read personal data."""
        table = self.table(key)
        found: dict[str, Expression] = {}
        for name in table.data if table else ():
            assert table is not None
            if allowed is not None and name not in allowed:
                table.wrong(name, f"is not known; possible are {', '.join(sorted(allowed))}")
                continue
            expression = table.expression(name, refuse_personal=True)
            if expression is not None:
                found[name] = expression
        return MappingProxyType(found)

    def fields(self) -> Mapping[str, Expression]:
        return self.expressions("fields", FIELDS)

    def aliases(self) -> Mapping[str, Expression]:
        return self.expressions("aliases", ALIAS_KINDS)

    def html(self) -> frozenset[str]:
        names = frozenset(self.texts("html"))
        for name in sorted(names - HTML_FIELDS):
            self.wrong("html", f"{name!r} cannot be HTML; only {', '.join(sorted(HTML_FIELDS))}")
        return names

    def signature(self) -> tuple[str, ...]:
        names = self.texts("signature")
        for name in names:
            if name not in SCHEMES:
                self.wrong("signature", f"{name!r} is no scheme; known are {', '.join(SCHEMES)}")
        if not names and "signature" not in self.data:
            self.wrong("signature", 'is missing; a CMS that cannot sign has ["bearer"]')
        elif not names:
            self.wrong("signature", "names no scheme")
        return names

    def delivery_id(self) -> tuple[str, ...] | Expression:
        if isinstance(self.data.get("delivery_id"), str):
            return self.expression("delivery_id") or ()
        names = self.texts("delivery_id")
        for name in names:
            if not _HEADER.fullmatch(name):
                self.wrong("delivery_id", f"{name!r} is no header name in small letters")
        return names

    def timezone(self) -> str:
        name = self.text("timezone")
        try:
            return ZoneInfo(name).key if name else ""
        except (OSError, ValueError, LookupError):
            self.wrong("timezone", f"{name!r} is no time zone, as Europe/Istanbul or UTC")
            return ""

    def template(self, key: str, values: Collection[str], *, required: bool = False) -> str:
        """An address or path with `{name}` for each value that it takes."""
        template = self.text(key)
        if not template:
            if required:
                self.wrong(key, "is missing")
            return ""
        shape = PLACEHOLDER.sub("x", template.replace("{+", "/{+", 1))
        if not _TEMPLATE.fullmatch(shape):
            self.wrong(key, "must be a path or an address, as /haber/{slug}")
            return ""
        for _, name in PLACEHOLDER.findall(template):
            if name not in values:
                self.wrong(key, f"{{{name}}} has no expression in [values]")
        return template
