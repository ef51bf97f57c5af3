"""A small supervisor: starts programs, starts again what exits, stops all of it in order.

It has one thread and no signal handlers: the signals it cares for are blocked, and its loop waits
for them. So nothing can interrupt it in the middle of a start, and forking is safe. Why it is our
own: docs/adr/0002-own-supervisor.md.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.cli.logfiles import bound, last_line

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
AWAITED = {*ENDING, signal.SIGCHLD}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 10.0
HEALTHY_AFTER_S = 30.0  # a program that lived this long starts again without a long pause
LOG_CHECK_S = 60.0
KILLED_REDIS_S = 5.0  # even after a second Ctrl-C the last stage may write its file to the end
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """What to run. Stages stop one after the other, the lowest first, the highest last.

    `before_start` gets the number of quick failures in a row and may mend what causes them.
    """

    name: str
    command: Sequence[str]
    stage: int = 0
    before_start: Callable[[int], None] | None = None


@dataclass
class _Child:
    program: Program
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    due: float = field(default=0.0)  # when to start it again
    is_told: bool = False  # to end, because it is to rest


class Supervisor:
    """Owns its children from `add` to `stop`; call all of it from one thread.

    Children lead sessions of their own, so Ctrl-C reaches only the supervisor, and die with it
    by SIGTERM even if it is killed.
    """

    def __init__(
        self,
        log_dir: Path,
        environment: Mapping[str, str],
        say: Callable[[str, str], None],
        inherited: Sequence[int] = (),
        rests: Callable[[str], bool] = lambda name: False,
        note: Callable[[Mapping[str, int]], None] = lambda pids: None,
    ) -> None:
        """`rests` says whether a program is to end in order and not to start again for now: asked
        at each step, which SIGCHLD brings on. `note` gets the pids of those that run."""
        self._rests, self._note = rests, note
        self._noted: Mapping[str, int] = {}
        self._log_dir, self._environment = log_dir, dict(environment)
        self._say, self._inherited = say, tuple(inherited)
        self._children: list[_Child] = []
        self._endings = 0  # how often somebody asked to stop
        self._next_log_check = time.monotonic() + LOG_CHECK_S
        signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)
        log_dir.mkdir(parents=True, exist_ok=True)

    @property
    def is_ending(self) -> bool:
        """True once somebody asked to stop."""
        return self._endings > 0

    def add(self, program: Program) -> None:
        """Start a program and keep it running from now on."""
        child = _Child(program)
        self._children.append(child)
        self._start(child)

    def wait_for(self, condition: Callable[[], bool], timeout_s: float) -> bool:
        """Supervise until the condition holds; False: time is up, or somebody asked to stop."""
        deadline = time.monotonic() + timeout_s
        while not self._endings and time.monotonic() < deadline:
            if condition():
                return True
            self._step(0.05)
        return False

    def run(self) -> None:
        """Supervise until somebody asks to stop (SIGINT, SIGTERM or SIGHUP)."""
        while not self._endings:
            self._step(LOG_CHECK_S)

    def stop(self, timeout_s: float) -> None:
        """Stop stage by stage; who still runs after the time-out or another Ctrl-C is killed."""
        deadline, asked = time.monotonic() + timeout_s, self._endings
        stages = sorted({child.program.stage for child in self._children})
        for stage in stages:
            children = [c for c in self._children if c.program.stage == stage]
            _signal(children, signal.SIGTERM)
            extra = KILLED_REDIS_S if stage == stages[-1] else 0.0
            until = max(deadline, time.monotonic() + extra)
            while any(_is_running(c) for c in children) and time.monotonic() < until:
                self._take_signal(0.1)
                if self._endings > asked and not extra:
                    break
            for child in children:
                if _is_running(child):
                    self._say(child.program.name, "did not stop in time and is killed")
                _bury(child)

    def _step(self, patience_s: float) -> None:
        """Wait for a signal or the next thing that is due, then do what is due."""
        now = time.monotonic()
        absent = [c for c in self._children if c.process is None and not self._is_resting(c)]
        dues = [c.due for c in absent] + [self._next_log_check]
        self._take_signal(max(0.0, min([patience_s, *(due - now for due in dues)])))
        for child in self._children:
            if child.process is not None and not _is_running(child):
                self._note_exit(child)
            is_due = time.monotonic() >= child.due and not self._endings
            if child.process is None and is_due and not self._is_resting(child):
                self._start(child)
        self._let_rest()
        self._tell_pids()
        if time.monotonic() >= self._next_log_check:
            self._next_log_check = time.monotonic() + LOG_CHECK_S
            for child in self._children:
                bound(self._log_of(child))

    def _is_resting(self, child: _Child) -> bool:
        return self._rests(child.program.name)

    def _let_rest(self) -> None:
        """Tell those to end that are to rest, the lowest stage first, as at the end of all."""
        resting = [c for c in self._children if c.process is not None and self._is_resting(c)]
        first = min((c.program.stage for c in resting), default=0)
        for child in resting:
            if child.program.stage == first and not child.is_told:
                child.is_told = True
                _signal([child], signal.SIGTERM)

    def _tell_pids(self) -> None:
        pids = {c.program.name: c.process.pid for c in self._children if c.process is not None}
        if pids != self._noted:
            self._noted = pids
            self._note(pids)

    def _take_signal(self, patience_s: float) -> None:
        found = signal.sigtimedwait(AWAITED, patience_s)
        if found is not None and found.si_signo in ENDING:
            self._endings += 1

    def _start(self, child: _Child) -> None:
        program, parent = child.program, os.getpid()
        log = self._log_of(child)
        bound(log)
        if program.before_start is not None:
            program.before_start(child.failures)
        child.started, child.is_told = time.monotonic(), False
        with log.open("ab") as output:
            try:
                child.process = subprocess.Popen(  # noqa: S603  our own command
                    list(program.command),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=self._environment,
                    pass_fds=self._inherited,
                    start_new_session=True,
                    preexec_fn=lambda: _prepare(parent),
                )
            except OSError as error:  # out of processes, or the program is gone for a moment
                self._plan_restart(child, f"cannot be started: {error.strerror}")
                return
        if child.failures:
            self._say(program.name, f"started again, pid {child.process.pid}")

    def _note_exit(self, child: _Child) -> None:
        code = _bury(child)
        if child.is_told:
            child.failures, child.due = 0, time.monotonic()
            self._say(child.program.name, "is drained")
        elif code < 0:
            self._plan_restart(child, f"was killed by {signal.Signals(-code).name}")
        else:
            said = last_line(self._log_of(child))
            self._plan_restart(child, f"exited with {code}: {said}")

    def _plan_restart(self, child: _Child, what: str) -> None:
        now = time.monotonic()
        child.failures = 1 if now - child.started >= HEALTHY_AFTER_S else child.failures + 1
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (child.failures - 1))
        child.due = now + pause
        self._say(child.program.name, f"{what}; starting it again in {pause:g} s")

    def _log_of(self, child: _Child) -> Path:
        return self._log_dir / f"{child.program.name}.log"


_libc = ctypes.CDLL(None, use_errno=True)


def _prepare(parent: int) -> None:
    """Run in the child before its program: die with the parent, and hear signals again."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        os._exit(1)  # the parent died before it could be watched
    signal.pthread_sigmask(signal.SIG_UNBLOCK, AWAITED)


def die_with_parent() -> None:
    """Ask for SIGTERM when the process that started this one dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _is_running(child: _Child) -> bool:
    """Look without reaping: until it is reaped, nobody else can get its process group's number."""
    if child.process is None or child.process.returncode is not None:
        return False
    flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
    return os.waitid(os.P_PID, child.process.pid, flags) is None


def _signal(children: Sequence[_Child], number: signal.Signals) -> None:
    for child in children:
        if child.process is not None and _is_running(child):
            child.process.send_signal(number)


def _bury(child: _Child) -> int:
    """Kill what is left of a child's group (a leftover would hold its port), then reap it."""
    if child.process is None:
        return 0
    if child.process.returncode is None:
        os.killpg(child.process.pid, signal.SIGKILL)
    code = child.process.wait()
    child.process = None
    return code
