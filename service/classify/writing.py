"""Writes topics as YAML text that `parse_topics` reads back as the same topics."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import yaml

from service.classify.taxonomy import Topic

_HEAD = "# Topics as they are in the database. How terms are written: config/topics.yaml.\n\n"


class _Dumper(yaml.SafeDumper):
    """Writes numbers as people do (0.00001, not 1.0e-05), and what nobody sees as escapes."""


def _number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", f"{Decimal(repr(value)):f}")


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if value.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(float, _number)
_Dumper.add_representer(str, _text)


def write_topics(topics: Iterable[Topic]) -> str:
    listed = {"topics": [_entry(topic) for topic in topics]}
    return _HEAD + yaml.dump(listed, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=100)


def _entry(topic: Topic) -> dict[str, Any]:
    """What has a default is left out where it has it."""
    optional = {
        "description_tr": topic.description_tr,
        "description_en": topic.description_en,
        "sections": list(topic.sections),
        "publish": topic.publish,
        "review": topic.review,
    }
    given = {key: value for key, value in optional.items() if value not in ("", [], None)}
    names = {"slug": topic.slug, "name_tr": topic.name_tr, "name_en": topic.name_en}
    return {**names, **given, "terms": list(topic.terms)}
