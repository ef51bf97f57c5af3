"""What comes out the same for every test is made once, and not some thousand times.

Each test has an application, a database and an engine of its own. The rules of its addresses, its
templates, its presets, its brand and its statements are those of the test before: here they are
kept, by what they are made of. What a test changes is made anew.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import flask_security.core
import sqlalchemy
from apiflask import APIFlask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

import service.brand
import service.db
import service.ingest
from service.ingest.presets import Preset


def keep() -> None:
    """From now on."""
    _keep_addresses()
    APIFlask.jinja_options = {"bytecode_cache": _Templates()}
    service.brand.parse_brand = functools.cache(service.brand.parse_brand)
    _keep_presets()
    _keep_statements()
    # A password is as well hashed in a millisecond as in a hundred, where nobody guesses at it.
    flask_security.core._default_config["PASSWORD_HASH_PASSLIB_OPTIONS"] = {
        "argon2__time_cost": 1,
        "argon2__memory_cost": 64,
        "argon2__parallelism": 1,
    }


def _keep_addresses() -> None:
    """Werkzeug reads each rule, and writes and compiles two functions for it; each application has
    600 rules."""
    read = Rule.compile
    kept: dict[Any, Rule] = {}

    def compile_rule(rule: Rule) -> None:
        key = (
            *(rule.rule, rule.host, rule.subdomain, rule.merge_slashes, repr(rule.defaults)),
            *(rule.map.host_matching, *rule.map.converters.items()),
        )
        first = kept.get(key)
        if first is None:
            read(rule)
            kept[key] = rule
            return
        rule._parts, rule._trace = first._parts, first._trace
        rule._converters, rule.arguments = first._converters, set(first.arguments)
        rule._build = first._build.__func__.__get__(rule)
        rule._build_unknown = first._build_unknown.__func__.__get__(rule)

    Rule.compile = compile_rule  # type: ignore[method-assign]


class _Templates(BytecodeCache):
    """Compiled templates; Jinja itself looks whether their text is still the same."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if found := self._compiled.get(bucket.key):
            bucket.bytecode_from_string(found)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._compiled[bucket.key] = bucket.bytecode_to_string()


def _keep_presets() -> None:
    load = service.ingest.load_presets
    loaded: dict[Any, dict[str, Preset]] = {}

    def load_presets(folder: Path) -> dict[str, Preset]:
        key = tuple((path, path.read_bytes()) for path in sorted(folder.glob("*.toml")))
        if key not in loaded:
            loaded[key] = load(folder)
        return dict(loaded[key])

    service.ingest.load_presets = load_presets


def _keep_statements() -> None:
    """An engine compiles each statement once, and so does a process that has one engine."""
    create = service.db.create_engine
    first: dict[str, sqlalchemy.Engine] = {}

    def create_engine(url: str, **options: Any) -> sqlalchemy.Engine:
        engine = create(url, **options)
        kept = first.get(engine.dialect.name)
        if kept is None:
            # Only a dialect that has seen its server knows what that can do.
            sqlalchemy.event.listen(
                engine, "engine_connect", lambda _: first.setdefault(engine.dialect.name, engine)
            )
            engine._compiled_cache = LRUCache(5000)
        else:
            engine.dialect, engine._compiled_cache = kept.dialect, kept._compiled_cache
        return engine

    service.db.create_engine = create_engine
