"""The file of a backup: a ZIP with one file of JSON lines for each table, and a manifest.

The manifest is signed with a key that is not in the file. So a file that was cut, damaged or
changed is known before anything is done with it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hmac import compare_digest
from pathlib import Path
from typing import IO

import orjson

from service.copies.manifest import FORMAT, Manifest, as_json, from_json
from service.copies.rows import STEP, Progress, Sum
from service.crypto import Vault

PART = ".tellal-backup.part"
MANIFEST, SIGNATURE = "manifest.json", "manifest.mac"
PURPOSE, KEY_MARK = "backup", "backup-key"
MOST_MANIFEST = 16 * 1024 * 1024
_ENCRYPTED = 1  # in the flags of a member


class BackupRefused(Exception):
    """The file is no backup, or not one for here; nothing was changed."""


class Writer:
    """Writes members one after the other, and the manifest at the end."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self.members: dict[str, tuple[int, str]] = {}

    def add(self, name: str, parts: Iterable[bytes]) -> None:
        """One member of any length, its parts as they come."""
        digest, length = hashlib.sha256(), 0
        with self._archive.open(name, "w", force_zip64=True) as member:
            for part in parts:
                member.write(part)
                digest.update(part)
                length += len(part)
        self.members[name] = length, digest.hexdigest()

    def finish(self, manifest: Manifest, vault: Vault) -> None:
        text = orjson.dumps(as_json(manifest, self.members), option=orjson.OPT_INDENT_2)
        self._archive.writestr(MANIFEST, text)
        self._archive.writestr(SIGNATURE, vault.keyed_hash(PURPOSE, text.decode()))


@contextmanager
def whole_or_nothing(path: Path) -> Iterator[IO[bytes]]:
    """A new file for this user's eyes, which has its name only once all of it is on the disk.

    Until then it has the same name in each folder: what a kill left is written over by the next.

    Raises:
        BackupRefused: another one is being written in this folder.
    """
    part = path.with_name(PART)
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW  # in a shared folder it may be anybody's link
    with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(f"another backup is being written in {path.parent}") from None
        if not part.exists() or not os.path.samestat(part.stat(), os.fstat(file.fileno())):
            # Between opening and locking it was finished by the other one: it is theirs.
            raise BackupRefused(f"another backup was just written in {path.parent}: try again")
        try:
            file.truncate(0)
            yield file
            file.flush()
            os.fsync(file.fileno())
            part.rename(path)
            sync_folder(path.parent)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Let a rename in it survive a power cut."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def opened(path: Path, vault: Vault) -> Iterator[tuple[zipfile.ZipFile, Manifest]]:
    """A backup whose manifest is authentic; its members are not looked at yet.

    Raises:
        BackupRefused: it is none, was made with other keys, or was changed.
    """
    if not path.is_file():
        raise BackupRefused(f"there is no file {path}")
    with _whole(path):
        archive = zipfile.ZipFile(path)
    with archive:
        with _whole(path):
            _require_plain(archive)
            manifest = _manifest(archive, vault)
        yield archive, manifest


@contextmanager
def _whole(path: Path | str | None) -> Iterator[None]:
    """What `zipfile` says of a file that was cut or changed: it has many words for it."""
    try:
        yield
    except PermissionError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError) as error:
        raise BackupRefused(f"{path} is damaged, or no backup: {error}") from error
    except (UnicodeDecodeError, struct.error) as error:
        raise BackupRefused(f"{path} is damaged, or no backup") from error


def verify(archive: zipfile.ZipFile, manifest: Manifest, on_progress: Progress) -> None:
    """Read all of it once: length and SHA-256 of each member, rows and checksum of each table.

    Raises:
        BackupRefused: something is not as the manifest says.
    """
    present = sorted(archive.namelist())
    if present != sorted([*manifest.members, MANIFEST, SIGNATURE]):
        raise BackupRefused("its members are not those that the manifest names")
    of_table = {table.member: table for table in manifest.tables}
    for name in manifest.members:
        found = Sum()
        with _whole(archive.filename):
            for line in lines(archive, manifest, name):
                if name in of_table:
                    found.add(line.rstrip(b"\n"))
                    if not found.rows % STEP:
                        on_progress(STEP)
        on_progress(found.rows % STEP)
        if name in of_table and found != of_table[name].sum:
            raise BackupRefused(f"{name} is damaged: its rows are not those of the manifest")


def lines(archive: zipfile.ZipFile, manifest: Manifest, name: str) -> Iterator[bytes]:
    """The lines of a member, which is as long as the manifest says and no longer.

    Raises:
        BackupRefused: at the end, where it is not what the manifest says.
    """
    length, expected = manifest.members[name]
    digest, left = hashlib.sha256(), length
    with archive.open(name) as member:
        while left and (line := member.readline(left)):
            digest.update(line)
            left -= len(line)
            yield line
        if left or member.read(1) or digest.hexdigest() != expected:
            raise BackupRefused(f"{name} is damaged: its checksum is not that of the manifest")


def _require_plain(archive: zipfile.ZipFile) -> None:
    """Refuse what `Writer` never writes, before a byte of it is unpacked."""
    for info in archive.infolist():
        if info.flag_bits & _ENCRYPTED:
            raise BackupRefused(f"it is damaged, or no backup: {info.filename[:80]} is encrypted")
        if info.filename in (MANIFEST, SIGNATURE) and info.file_size > MOST_MANIFEST:
            raise BackupRefused(f"its {info.filename} is too large")


def _manifest(archive: zipfile.ZipFile, vault: Vault) -> Manifest:
    try:
        text = archive.read(MANIFEST)
        signature = archive.read(SIGNATURE)
        found = orjson.loads(text)
        if found["format"] != FORMAT:
            raise BackupRefused("it is of a format that this release does not know")
        if found["key"] != vault.keyed_hash(KEY_MARK, ""):
            raise BackupRefused("it was made with other keys; put those back first")
        if not compare_digest(signature, vault.keyed_hash(PURPOSE, text.decode()).encode()):
            raise BackupRefused("its manifest was changed after it was signed")
        manifest = from_json(found)
    except (KeyError, ValueError, TypeError, IndexError) as error:
        raise BackupRefused("it has no manifest that can be read") from error
    _require_opening(manifest, vault)
    return manifest


def _require_opening(manifest: Manifest, vault: Vault) -> None:
    """The signature proves one key only; with another of the other, no stored secret would open."""
    try:
        if manifest.sealed:
            vault.decrypt(manifest.sealed)
    except ValueError as error:
        raise BackupRefused(
            "it was made with other keys (TELLAL_ENCRYPTION_KEY); put those back first"
        ) from error
