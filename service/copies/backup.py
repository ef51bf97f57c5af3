"""A backup: the database of one moment, the journals, and the settings without their secrets.

Never in it: the keys, without which nothing sealed can be opened, and the list of erasures, which
must be newer than any backup (docs/adr/0045).
"""

from __future__ import annotations

import zipfile
from collections.abc import Generator
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from typing import IO

from pydantic import SecretStr

from service import migrations
from service.copies.file import KEY_MARK, Writer, whole_or_nothing
from service.copies.manifest import Manifest, Table
from service.copies.moving import CopyRefused, Report, one_moment, sequences_of
from service.copies.rows import STEP, Sum, as_line, read
from service.copies.shape import Shape, shapes_of
from service.crypto import Vault
from service.db import READ_ONLY, utcnow
from service.runtime import Runtime
from service.settings import Settings

SETTINGS = "settings.env"


def make(runtime: Runtime, path: Path, report: Report) -> Manifest:
    """Write a backup beside whoever works; the file is there whole, or not at all.

    Raises:
        CopyRefused: the file is there already, or the database has no tables, or those of a newer
            release.
    """
    if path.exists():
        raise CopyRefused(f"{path} is there already")
    revision = migrations.revision_of(runtime.db)
    if revision is None or not migrations.is_known(revision):
        raise CopyRefused("the database has no tables, or those of a newer release")
    with whole_or_nothing(path) as file:
        return _write(runtime, file, revision, report)


def _write(runtime: Runtime, file: IO[bytes], revision: str, report: Report) -> Manifest:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        writer = Writer(archive)
        tables = _write_tables(runtime, writer, report)
        # After the moment of the database: what was on a wire then is in these, or is taken for
        # unknown where its journal has ended since.
        for path in sorted((runtime.settings.var_dir / "journal").glob("*.journal")):
            _write_journal(writer, path)
        writer.add(SETTINGS, [settings_without_secrets(runtime.settings).encode()])
        manifest = _manifest(runtime, revision, tables, writer.members)
        writer.finish(manifest, runtime.vault)
    return manifest


def _write_tables(runtime: Runtime, writer: Writer, report: Report) -> list[Table]:
    engine = runtime.db.engine
    with engine.connect().execution_options(**{READ_ONLY: True}) as connection:
        one_moment(connection)
        shapes = shapes_of(connection)
        last = sequences_of(connection, shapes)

        def passing(shape: Shape, found: Sum) -> Generator[bytes]:
            with closing(read(connection, shape)) as rows:
                for row in rows:
                    line = as_line(row)
                    found.add(line)
                    if not found.rows % STEP:
                        report("writing", STEP)
                    yield line + b"\n"

        tables = []
        for shape in shapes:
            table = Table(shape, Sum(), last.get(shape.name, 0))
            with closing(passing(shape, table.sum)) as parts:  # before its connection is
                writer.add(table.member, parts)
            report("writing", table.sum.rows % STEP)
            tables.append(table)
        return tables


def _write_journal(writer: Writer, path: Path) -> None:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return  # its batch has ended meanwhile
    writer.add(f"journal/{path.name}", [raw])


def _manifest(
    runtime: Runtime, revision: str, tables: list[Table], members: dict[str, tuple[int, str]]
) -> Manifest:
    return Manifest(
        made_at=utcnow().isoformat(timespec="seconds"),
        release=version("tellal"),
        revision=revision,
        database=runtime.db.engine.dialect.name,
        key=key_mark(runtime.vault),
        tables=tables,
        sealed=runtime.vault.encrypt(KEY_MARK),
        members=members,
    )


def key_mark(vault: Vault) -> str:
    """By which a backup knows the keys that it was made with, and nobody learns them."""
    return vault.keyed_hash(KEY_MARK, "")


def settings_without_secrets(settings: Settings) -> str:
    """For whoever builds the machine anew: what was set, and which secrets there were."""
    lines = []
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            lines.append(f"# TELLAL_{name.upper()} is a secret" if value.get_secret_value() else "")
        else:
            lines.append(f"TELLAL_{name.upper()}={_shown(value)}")
    return "\n".join(filter(None, lines)) + "\n"


def _shown(value: object) -> str:
    if value is None:
        return ""
    return ",".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)
