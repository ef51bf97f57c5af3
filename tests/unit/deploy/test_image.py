"""The Dockerfiles: what goes in stands in a lock with its hash, nobody is root, no secret is in."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
IMAGE, RELAY = ROOT / "Dockerfile", ROOT / "config" / "postfix" / "Dockerfile"
LOCKS = sorted(ROOT.glob("requirements*.lock"))
REQUIREMENT = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)[^\n]*\\\n((?:    --hash=\S+.*\n)+)", re.M
)


def instructions(path: Path) -> list[tuple[str, str]]:
    """Instruction and words, continued lines joined."""
    text = re.sub(r"^#.*\n", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return [(word, " ".join(rest.split())) for word, _, rest in (x.partition(" ") for x in lines)]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_of_a_lock_is_pinned_and_hashed(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    named = re.findall(r"^[a-z0-9]\S*", text, re.MULTILINE)
    assert len(REQUIREMENT.findall(text)) == len(named) > 5
    assert "://" not in text
    assert "--index" not in text


def test_builds_need_nothing_but_their_lock() -> None:
    """Each build dependency has the version that developers have."""
    build, dev = (
        {name: version for name, version, _ in REQUIREMENT.findall(path.read_text())}
        for path in (ROOT / "requirements-build.lock", ROOT / "requirements-dev.lock")
    )
    assert {"hatchling", "setuptools"} <= set(build)
    assert {n: dev[n] for n in build if n in dev} == {n: v for n, v in build.items() if n in dev}


def test_base_images_name_their_release() -> None:
    pinned = re.compile(r"[a-z]+:[\w.-]+(?:@sha256:[0-9a-f]{64})?")
    arguments = dict(words.split("=", 1) for word, words in instructions(IMAGE) if word == "ARG")
    bases = [words.split()[0] for word, words in instructions(IMAGE) if word == "FROM"]
    assert set(bases) == {"${PYTHON_IMAGE}"}
    bases = [*arguments.values(), *(w for word, w in instructions(RELAY) if word == "FROM")]
    for base in bases:
        assert pinned.fullmatch(base), base
        assert not base.endswith(":latest")


def test_pip_takes_what_has_a_hash_or_lies_here() -> None:
    runs = " ".join(words for word, words in instructions(IMAGE) if word == "RUN")
    calls = re.findall(r"pip (?:install|wheel) [^&]*", runs)
    assert len(calls) == 4
    for call in calls:
        assert "--no-deps" in call
        assert ("--require-hashes" in call) != ("--no-index" in call), call


def test_the_process_is_nobody_special_from_the_last_copy_on() -> None:
    words = instructions(IMAGE)
    last = max(number for number, (word, _) in enumerate(words) if word == "FROM")
    after = [word for word, _ in words[last:]]
    assert words[last + after.index("USER")] == ("USER", "10001:10001")
    assert not {"RUN", "COPY", "ADD"} & set(after[after.index("USER") :])
    assert ("ENTRYPOINT", '["tellal"]') in words


@pytest.mark.parametrize("path", [IMAGE, RELAY], ids=["tellal", "relay"])
def test_no_secret_is_built_in(path: Path) -> None:
    for word, words in instructions(path):
        assert word != "ADD", "it fetches"
        if word in ("ENV", "ARG", "COPY"):
            assert not re.search(r"secret|password|_key|token", words, re.IGNORECASE), words


def test_what_is_copied_is_there_and_let_through() -> None:
    let_through = {
        line.removeprefix("!")
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source
        for word, words in instructions(IMAGE)
        if word == "COPY" and "--from" not in words
        for source in words.split()[:-1]
    }
    assert copied == let_through
    for name in copied:
        assert (ROOT / name).exists(), name
    for word, words in instructions(RELAY):
        if word == "COPY":
            for source in [one for one in words.split()[:-1] if not one.startswith("--")]:
                assert (RELAY.parent / source).exists(), source


def test_the_health_check_of_the_relay_is_a_shell_script_that_parses() -> None:
    subprocess.run(["bash", "-n", RELAY.parent / "answers"], check=True)


def test_a_wheel_has_all_that_a_process_reads_beside_its_code(tmp_path: Path) -> None:
    from hatchling.builders.wheel import WheelBuilder

    [wheel] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("service/templates", "service/static", "service/migrations"):
        files = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert files, folder
        assert files <= names
    assert "workers/app.py" in names
    assert not [name for name in names if name.startswith(("tests/", "config/", "var/"))]
