"""Typed reading of a YAML document that collects mistakes with their lines instead of stopping."""

import re
from typing import NoReturn

import yaml

_STR = "tag:yaml.org,2002:str"
_BOOL = "tag:yaml.org,2002:bool"
_NULL = "tag:yaml.org,2002:null"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_PLAIN = re.compile(r"\d+(?:\.\d+)?")  # not 1_000, 0x1 or .inf, which YAML reads too


class TaxonomyError(ValueError):
    """A taxonomy with mistakes; the message has one ``file:line: reason`` per line."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class Document:
    """One YAML text under check."""

    def __init__(self, yaml_text: str, source_name: str) -> None:
        self.source_name = source_name
        self.slugs: set[str] = set()
        self._mistakes: list[tuple[int, str]] = []
        self._node = self._compose(yaml_text)

    def _compose(self, yaml_text: str) -> yaml.Node | None:
        try:
            return yaml.compose(yaml_text, yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            self._fail(mark.line + 1 if mark else 1, f"no valid YAML: {error.problem}")
        except yaml.YAMLError as error:
            self._fail(1, f"no valid YAML: {error}")

    def _fail(self, line: int, reason: str) -> NoReturn:
        self.mistake(line, reason)
        raise TaxonomyError(self._listed())

    def root(self, keys: set[str]) -> "Mapping":
        """Return the top-level mapping, which may have these keys only."""
        if not isinstance(self._node, yaml.MappingNode):
            self._fail(1, f"the file must be a mapping with the keys {_names(keys)}")
        root = Mapping(self, self._node)
        root.only(keys)
        return root

    def mistake(self, line: int, reason: str) -> None:
        """Note a mistake; ``line`` counts from 1."""
        self._mistakes.append((line, reason))

    def check(self) -> None:
        """Raise :class:`TaxonomyError` if anything was noted."""
        if self._mistakes:
            raise TaxonomyError(self._listed())

    def _listed(self) -> list[str]:
        ordered = sorted(dict.fromkeys(self._mistakes))
        return [f"{self.source_name}:{line}: {reason}" for line, reason in ordered]


class Mapping:
    """One mapping of a document; every getter notes what is wrong and returns a harmless value."""

    def __init__(self, doc: Document, node: yaml.MappingNode) -> None:
        self._doc = doc
        self._line = _line(node)
        self._values: dict[str, yaml.Node] = {}
        self._key_lines: dict[str, int] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            if name in self._values:
                self.mistake(_line(key), f"the key {name!r} is given twice")
            self._values[name] = value
            self._key_lines[name] = _line(key)

    def mistake(self, line: int, reason: str) -> None:
        self._doc.mistake(line, reason)

    def line_of(self, key: str) -> int:
        """Return the line of a key, or that of the mapping if the key is missing."""
        return self._key_lines.get(key, self._line)

    def only(self, keys: set[str]) -> None:
        """Note every key that is not among these."""
        for name, line in self._key_lines.items():
            if name not in keys:
                self.mistake(line, f"unknown key {name!r}; known are {_names(keys)}")

    def is_first(self, slug: str) -> bool:
        """Remember a slug; false if the document already had it."""
        if slug in self._doc.slugs:
            return False
        self._doc.slugs.add(slug)
        return True

    def text(self, key: str, is_required: bool = True) -> str:
        """Return a text; it must not be empty if it is required."""
        node = self._values.get(key)
        if node is None:
            if is_required:
                self.mistake(self._line, f"{key} is missing")
            return ""
        text = self._scalar(node, key)
        if text is not None and is_required and not text.strip():
            self.mistake(_line(node), f"{key} is empty")
        return text or ""

    def texts(self, key: str, is_required: bool = False) -> list[tuple[str, int]]:
        """Return the texts of a list with their lines."""
        found = []
        for item in self._items(key, is_required):
            text = self._scalar(item, f"an entry of {key}")
            if text is not None and not text.strip():
                self.mistake(_line(item), f"an entry of {key} is empty")
            elif text is not None:
                found.append((text, _line(item)))
        return found

    def flag(self, key: str) -> bool:
        """Return true or false; false if the key is missing."""
        node = self._values.get(key)
        if node is None:
            return False
        if node.tag != _BOOL:
            self.mistake(_line(node), f"{key} must be true or false")
            return False
        return bool(yaml.SafeLoader.bool_values[str(node.value).lower()])

    def share(self, key: str) -> float | None:
        """Return a number from 0 to 1, or nothing if the key is missing."""
        node = self._values.get(key)
        if node is None:
            return None
        value = float(node.value) if node.tag in _NUMBERS and _PLAIN.fullmatch(node.value) else -1.0
        if not 0 <= value <= 1:
            self.mistake(_line(node), f"{key} must be a number from 0 to 1")
            return None
        return value

    def mapping(self, key: str) -> "Mapping | None":
        """Return a nested mapping, or nothing if the key is missing."""
        node = self._values.get(key)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.mistake(_line(node), f"{key} must be a mapping")
            return None
        return Mapping(self._doc, node)

    def mappings(self, key: str) -> list["Mapping"]:
        """Return the mappings of a list, which must be there."""
        found = []
        for item in self._items(key, is_required=True):
            if isinstance(item, yaml.MappingNode):
                found.append(Mapping(self._doc, item))
            else:
                self.mistake(_line(item), f"an entry of {key} must be a mapping")
        return found

    def _items(self, key: str, is_required: bool) -> list[yaml.Node]:
        node = self._values.get(key)
        if node is None:
            if is_required:
                self.mistake(self._line, f"{key} is missing")
            return []
        if not isinstance(node, yaml.SequenceNode):
            self.mistake(_line(node), f"{key} must be a list")
            return []
        return list(node.value)

    def _scalar(self, node: yaml.Node, what: str) -> str | None:
        if isinstance(node, yaml.ScalarNode) and node.tag == _STR:
            return str(node.value)
        if isinstance(node, yaml.ScalarNode) and node.tag == _NULL:
            return ""
        hint = "; put it in quotes" if isinstance(node, yaml.ScalarNode) else ""
        self.mistake(_line(node), f"{what} must be a text{hint}")
        return None


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _names(keys: set[str]) -> str:
    return ", ".join(sorted(keys))
