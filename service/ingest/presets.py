"""Presets: how the events of one CMS become canonical articles. Data, read from TOML files.

An operator adds a CMS by adding a file to `config/presets/`; each mistake in it is named with file,
key and reason before anything runs. The dataclasses below say what each key does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from service.ingest.expressions import Expression
from service.ingest.presetcheck import PLACEHOLDER, Reader

FORMS = ("json", "html")
WHENS = ("incomplete", "always")
_RULE_KEYS = frozenset(
    {"state", "html", "locales", "timezone", "place_prefix", "url_template"}
    | {"fields", "values", "aliases"}
)
_ENRICH_KEYS = frozenset({"url", "form", "when", "preset", "token_header"})


class PresetError(ValueError):
    """Presets have mistakes; `mistakes` has a line `file: key: reason` for each."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


@dataclass(frozen=True)
class Rules:
    """How one document becomes one article; expressions see `{headers, body, item, id}`.

    `values` fill `url_template`, which is used where `fields.url` gives nothing. `html` names the
    fields that come as HTML and are shown as plain words. `locales`: where a value is an object
    by language, the first of these wins. `timezone` is that of times without a zone; empty: the
    source's. `place_prefix` is cut off each place. `aliases`: other names of the same article.
    """

    state: Expression | None = None
    fields: Mapping[str, Expression] = field(default_factory=dict)
    values: Mapping[str, Expression] = field(default_factory=dict)
    aliases: Mapping[str, Expression] = field(default_factory=dict)
    url_template: str = ""
    html: frozenset[str] = frozenset()
    locales: tuple[str, ...] = ()
    timezone: str = ""
    place_prefix: str = ""


@dataclass(frozen=True)
class Enrich:
    """Where a thin event's article is fetched, and how the answer is read.

    `url` is a template with `{id}` and the preset's `values`. `form`: a JSON document, or a page
    whose JSON-LD is taken. `when`: only where title, address or text are missing, or always.
    `token_header` takes the source's token for the API, as `Bearer …` where it is `authorization`.
    """

    url: str
    rules: Rules
    form: Literal["json", "html"] = "json"
    when: Literal["incomplete", "always"] = "incomplete"
    token_header: str = "authorization"  # noqa: S105  a name, not a secret


@dataclass(frozen=True)
class Preset:
    """One CMS. `signature`: the schemes that it can use, the usual one first.

    `delivery_id`: header names, of which the first present one wins, or an expression. `accept`
    tells article events from others; `split` makes a list of items of one event. `is_strict`: the
    body is the canonical article itself, and each wrong field is the sender's to mend.
    """

    name: str
    title: str
    signature: tuple[str, ...]
    delivery_id: tuple[str, ...] | Expression = ()
    accept: Expression | None = None
    split: Expression | None = None
    id: Expression | None = None
    rules: Rules = field(default_factory=Rules)
    enrich: Enrich | None = None
    is_strict: bool = False


def load_presets(folder: Path) -> dict[str, Preset]:
    """Read every `*.toml` of a folder, by file name without its ending.

    Raises:
        PresetError: all mistakes of all files.
    """
    mistakes: list[str] = []
    presets: dict[str, Preset] = {}
    borrowed: dict[str, Reader] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            mistakes.append(f"{path.name}: {error}")
            continue
        reader = Reader(path.name, data, mistakes)
        presets[path.stem] = _preset(path.stem, reader)
        if isinstance(data.get("enrich"), dict) and "preset" in data["enrich"]:
            borrowed[path.stem] = reader
    for name, reader in borrowed.items():
        presets[name] = _with_borrowed_rules(presets[name], reader, presets)
    if mistakes:
        raise PresetError(mistakes)
    if not presets:
        raise PresetError([f"{folder}: no *.toml file; presets are missing"])
    return presets


def _preset(name: str, reader: Reader) -> Preset:
    reader.check_name(name)
    is_strict = reader.flag("strict")
    known = {"title", "signature", "delivery_id", "accept", "split", "id", "strict", "enrich"}
    reader.only(known | _RULE_KEYS)
    rules = _rules(reader, Rules())
    preset = Preset(
        name=name,
        title=reader.text("title") or name,
        signature=reader.signature(),
        delivery_id=reader.delivery_id(),
        accept=reader.expression("accept"),
        split=reader.expression("split"),
        id=reader.expression("id", required=not is_strict),
        rules=rules,
        enrich=_enrich(reader, rules),
        is_strict=is_strict,
    )
    if not is_strict and rules.state is None:
        reader.wrong("state", "is missing: say what makes an article published or withdrawn")
    if not is_strict and preset.enrich is None and "title" not in rules.fields:
        reader.wrong("fields.title", "is missing, and no [enrich] fetches it")
    return preset


def _rules(reader: Reader, inherited: Rules) -> Rules:
    values = reader.expressions("values")
    template = reader.template("url_template", {"id", *values})
    if not template and inherited.url_template:
        template = inherited.url_template
        for _, name in PLACEHOLDER.findall(template):
            if name not in {"id", *values}:
                reader.wrong("values", f"lacks {name}, which the url_template above takes")
    return Rules(
        state=reader.expression("state"),
        fields=reader.fields(),
        values=values,
        aliases=reader.aliases(),
        url_template=template,
        html=reader.html() or inherited.html,
        locales=reader.texts("locales") or inherited.locales,
        timezone=reader.timezone() or inherited.timezone,
        place_prefix=reader.text("place_prefix") or inherited.place_prefix,
    )


def _enrich(reader: Reader, rules: Rules) -> Enrich | None:
    table = reader.table("enrich")
    if table is None:
        return None
    own = Rules()
    if "preset" in table.data:
        table.only(_ENRICH_KEYS)
    else:
        table.only(_ENRICH_KEYS | _RULE_KEYS)
        own = _rules(table, rules)
        if "title" not in own.fields:
            table.wrong("fields.title", "is missing, and no preset is named that has it")
    form: Any = table.choice("form", FORMS)
    when: Any = table.choice("when", WHENS)
    url = table.template("url", {"id", *rules.values}, required=True)
    return Enrich(url, own, form, when, table.header("token_header") or "authorization")


def _with_borrowed_rules(preset: Preset, reader: Reader, presets: dict[str, Preset]) -> Preset:
    """Let `enrich.preset` lend its rules: a TYPO3 page is read as any page with JSON-LD."""
    name = reader.data["enrich"]["preset"]
    lender = presets.get(name) if isinstance(name, str) else None
    if lender is None or lender.is_strict or preset.enrich is None:
        reader.wrong("enrich.preset", f"{name!r} is no preset that could lend its fields")
        return preset
    return replace(preset, enrich=replace(preset.enrich, rules=lender.rules))
