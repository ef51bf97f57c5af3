"""A server of its own in a folder, on which `docs/install.md` is followed command by command.

Every command runs as the page has it, with the paths of the system led into the folder. What only a
real server has is stood in for, in a folder that comes first in the PATH: package managers, certbot
and systemd write down what they were asked for; pip takes the packages of the running environment
for those of the lock file. What systemd is asked for is done by `tests.integration.deploy.server`.
The page says so at its beginning: whoever adds a stand-in, adds it there.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
INSTALL, UPGRADE = ROOT / "docs" / "install.md", ROOT / "docs" / "upgrade.md"
HERE = "changes a server; tests/integration/deploy runs it in a scratch root"
BLOCK = re.compile(rf"^<!-- not run: {HERE} -->\n```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
# Of the system, and led into the folder.
OURS = re.compile(
    r"(?:(?<=://)|(?<![\w./$]))/(?=(?:opt/tellal|etc/(?:tellal|redis|nginx|systemd)|var/(?:lib|cache|log)|"
    r"usr/local/sbin|run/redis|root)\b)"
)
COPIED = ("service", "workers", "config", "pyproject.toml", "README.md")
LOCKS = ("requirements.lock", "requirements-build.lock")
WRITTEN_DOWN = ("apt-get", "adduser", "certbot", "systemctl")
REDIS_GROUP = 59_999  # Debian's group of Redis: neither root's nor the service's own

_LOG = """\
#!/bin/sh
printf '%s\\n' "$(basename "$0") $*" >> {log}
"""
# Groups and users of the page are the one of this test; nobody but root may give files away.
_OWNED = """\
#!{python}
import os, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
is_root = os.geteuid() == 0
out = []
while words:
    word = words.pop(0)
    if name == "install" and word in ("-o", "-g"):
        owner = words.pop(0)
        if is_root:
            out += [word, owner if owner == "root" else "{uid}"]
    elif name == "chown" and ":" in word:
        out.append("0:{uid}" if is_root else f"{{os.geteuid()}}")
    else:
        out.append(word)
os.execv(f"/usr/bin/{{name}}", [name, *out])
"""
_RUNUSER = """\
#!/bin/sh
[ "$1" = -u ] || exit 64
user=$2; shift 2
[ "$1" = -- ] && shift
if [ "$user" = tellal ] && [ "$(id -u)" = 0 ]; then
    groups=--clear-groups # but for those that `adduser` was asked for
    grep -qx 'adduser tellal redis' {log} && groups=--groups={redis}
    exec setpriv --reuid={uid} --regid={uid} $groups "$@"
fi
exec "$@"
"""
# A new environment has the packages that pip would have fetched, and a pip that fetches nothing.
_PYTHON = """\
#!/bin/sh
[ "$1 $2" = "-m venv" ] || exit 64
{python} "$@" --without-pip || exit
cp {root}/filled/pip {root}/filled/pybabel "$3/bin/"
cp {root}/filled/shared.pth {root}/filled/async_timeout.py "$3"/lib/python3*/site-packages/
"""
_PIP = """\
#!/bin/sh
case " $* " in *" --require-hashes "*) exit 0;; esac
exec "$(dirname "$0")/python" -m pip --disable-pip-version-check -q "$@" --ignore-installed
"""
_PYBABEL = """\
#!/bin/sh
exec "$(dirname "$0")/python" -m babel.messages.frontend "$@"
"""
_GIT = """\
#!/bin/sh
case "$1" in clone) exec cp -r {repository} "$3";; pull) exit 0;; esac
exit 64
"""
_NGINX = """\
#!/bin/sh
exec {nginx} -c {root}/etc/nginx/nginx.conf -e stderr "$@"
"""


class Server:
    """The folder, and a shell in it that remembers from block to block."""

    def __init__(self, root: Path, uid: int, nginx: str) -> None:
        self.root, self.uid, self._nginx = root, uid, nginx
        self.log, self._told = root / "asked.log", 0
        self._bin, self._state = root / "bin", root / "state"
        self._bin.mkdir()
        for folder in ("opt/tellal", "usr/local/sbin", "root", "var/lib", "var/log/nginx"):
            (root / folder).mkdir(parents=True)
        for folder in ("redis", "nginx/conf.d", "nginx/sites-available", "nginx/sites-enabled"):
            (root / "etc" / folder).mkdir(parents=True)
        (root / "etc/systemd/system").mkdir(parents=True)
        (root / "var/cache").mkdir()
        self.log.touch()
        self._state.write_text(f"cd {root}\n")
        self._make_repository()

    def led(self, text: str) -> str:
        """The text with its paths led into the folder."""
        return OURS.sub(f"{self.root}/", text)

    def stand_in(self, name: str, text: str) -> None:
        """Put a program first in the PATH."""
        path = self._bin / name
        path.write_text(text)
        path.chmod(0o755)

    def prepare(self) -> None:
        """Stand in for what only a real server has."""
        for name in WRITTEN_DOWN:
            self.stand_in(name, _LOG.format(log=self.log))
        for name in ("install", "chown"):
            self.stand_in(name, _OWNED.format(python=sys.executable, uid=self.uid))
        runuser = _RUNUSER.format(uid=self.uid, redis=REDIS_GROUP, log=self.log)
        self.stand_in("runuser", runuser)
        self.stand_in("git", _GIT.format(repository=self.root / "repository"))
        self.stand_in("nginx", _NGINX.format(nginx=self._nginx, root=self.root))
        self.stand_in("python3", _PYTHON.format(python=self._python(), root=self.root))
        self._fill()

    def run(self, block: str, **environment: str) -> str:
        """Run one block as bash would, stopping at the first command that fails."""
        script = (
            f"set -eu\n. {self._state}\n{block}\n"
            f'{{ export -p; echo cd "$(printf %q "$PWD")"; }} > {self._state}\n'
        )
        path = f"{self._bin}:{self.root}/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
        done = subprocess.run(
            ["bash", "-c", script],
            env={"PATH": path, "HOME": str(self.root / "root"), "LC_ALL": "C.UTF-8", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,  # of a machine that is busy with other things
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}"
        return done.stdout

    def asked(self) -> list[str]:
        """What was asked since the last call of those who write it down."""
        lines = self.log.read_text().splitlines()
        told, self._told = self._told, len(lines)
        return lines[told:]

    @property
    def groups(self) -> list[int]:
        """Those of the user `tellal`, beside its own."""
        asked = self.log.read_text().splitlines()
        return [REDIS_GROUP] if "adduser tellal redis" in asked else []

    def _fill(self) -> None:
        folder = self.root / "filled"
        folder.mkdir()
        shared = next(Path(path) for path in sys.path if path.endswith("site-packages"))
        (folder / "shared.pth").write_text(f"{shared.resolve()}\n")
        # redis asks for it below 3.11.3, and so does the lock; who runs the tests may be above.
        (folder / "async_timeout.py").write_text("from asyncio import timeout as timeout\n")
        for name, text in (("pip", _PIP), ("pybabel", _PYBABEL)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)

    def _make_repository(self) -> None:
        """What a clone has, with the paths of its files led into the folder."""
        repository = self.root / "repository"
        repository.mkdir()
        for name in (*COPIED, *LOCKS):
            source, target = ROOT / name, repository / name
            if source.is_dir():
                shutil.copytree(
                    source, target, ignore=shutil.ignore_patterns("__pycache__", "*.mo")
                )
            else:
                shutil.copy(source, target)
        for folder in ("systemd", "nginx", "redis"):
            for path in (repository / "config" / folder).rglob("*"):
                if path.is_file():
                    path.write_text(self.led(path.read_text()))

    def _python(self) -> str:
        """Debian's where it is of the same release as the one that runs: others may not be for the
        service's user to enter."""
        debian = "/usr/bin/python3"
        wanted = "import sys, ensurepip; print(*sys.version_info[:2])"
        found = subprocess.run(
            [debian, "-c", wanted], capture_output=True, text=True, check=False
        ).stdout.split()
        return debian if found == [str(n) for n in sys.version_info[:2]] else sys.executable


def blocks(page: Path) -> list[str]:
    """The blocks of a page that say that they are run here."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def exec_start(unit: str, instance: str) -> list[str]:
    """The command of a unit file's text."""
    [line] = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    return shlex.split(line.replace("%i", instance))


def environment_file(path: Path) -> dict[str, str]:
    """As systemd reads it: a name and a value a line."""
    pairs = (
        line.split("=", 1)
        for line in path.read_text().splitlines()
        if line and not line.startswith("#")
    )
    return {name: value.strip("'") for name, value in pairs}
