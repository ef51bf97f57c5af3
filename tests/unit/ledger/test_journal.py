"""The journal: what a killed worker leaves, and who may read it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.ledger.journal import Journal, OwnerState, dead_owners, read_beside, state_of
from service.ledger.outcome import ON_THE_WIRE, SENT, Outcome
from service.models import DeliveryState

OWNER = """
import sys
from pathlib import Path
from service.ledger.journal import Journal
from service.ledger.outcome import SENT
journal = Journal(Path(sys.argv[1]), "host-1", 42)
journal.wire(1)
journal.answer(1, SENT)
journal.wire(2)
print("here", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds a journal: 1 is answered, 2 is on the wire."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    assert process.stdout.readline() == b"here\n"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def leave(folder: Path, *lines: bytes, name: str = "host-1") -> Path:
    path = folder / f"{name}.journal"
    path.write_bytes(b"".join(lines))
    return path


def test_a_living_owner_is_left_alone(tmp_path, owner):
    assert state_of(tmp_path, "host-1") is OwnerState.ALIVE
    assert list(dead_owners(tmp_path)) == []


def test_a_stopped_owner_is_alive_and_its_journal_can_be_read_beside_it(tmp_path, owner):
    owner.send_signal(signal.SIGSTOP)

    assert state_of(tmp_path, "host-1") is OwnerState.ALIVE
    assert list(dead_owners(tmp_path)) == []
    assert read_beside(tmp_path, "host-1").outcomes == {1: SENT, 2: ON_THE_WIRE}
    assert read_beside(tmp_path, "host-2") is None


def test_a_killed_owner_leaves_its_answers_and_what_was_on_the_wire(tmp_path, owner):
    owner.kill()
    owner.wait()

    assert state_of(tmp_path, "host-1") is OwnerState.DEAD
    (remains,) = dead_owners(tmp_path)
    assert (remains.batch_id, remains.lease) == (42, "host-1")
    assert remains.outcomes == {1: SENT, 2: ON_THE_WIRE}


def test_without_a_journal_the_owner_is_gone(tmp_path):
    assert state_of(tmp_path, "host-1") is OwnerState.GONE
    assert list(dead_owners(tmp_path / "nowhere")) == []


def test_an_owner_that_ended_well_leaves_nothing(tmp_path):
    journal = Journal(tmp_path, "host-1", 1)
    journal.wire(1)
    journal.close()
    journal.abandon()

    assert list(tmp_path.iterdir()) == []


def test_what_was_settled_is_forgotten_and_the_batch_is_not(tmp_path):
    journal = Journal(tmp_path, "host-1", 42)
    for number in range(100):
        journal.wire(number)
        journal.answer(number, Outcome(DeliveryState.REJECTED, "550", "ığüşöç " * 50, 7.5))
    journal.settled()
    journal.wire(100)
    journal.answer(100, Outcome(DeliveryState.DEFERRED, "429", "ş", 7.5))
    journal.abandon()

    (remains,) = dead_owners(tmp_path)

    assert remains.batch_id == 42
    assert remains.outcomes == {100: Outcome(DeliveryState.DEFERRED, "429", "ş", 7.5)}


HEAD = b'{"batch":42}\n'
ANSWER = b'{"answer":1,"state":1,"code":"","detail":"","retry":null}\n'


def test_a_torn_last_line_costs_only_itself(tmp_path):
    whole = HEAD + b'{"wire":1}\n' + ANSWER + b'{"wire":2}\n'
    for end in range(len(whole) + 1):
        path = leave(tmp_path, whole[:end])
        found = [remains.outcomes for remains in dead_owners(tmp_path)]
        path.unlink(missing_ok=True)
        if end < len(HEAD) - 1:
            assert found == []
        else:
            wire = ON_THE_WIRE if end < len(whole) - len(b'{"wire":2}\n') - 1 else SENT
            assert found[0].get(1, wire) in (wire, ON_THE_WIRE)
    assert found == [{1: SENT, 2: ON_THE_WIRE}]


def test_an_owner_that_died_before_its_first_line_has_sent_nothing(tmp_path):
    for rest in (b"", b'{"bat', b"\0\0\0\0"):
        path = leave(tmp_path, rest)
        assert list(dead_owners(tmp_path)) == []
        assert not path.exists()


@pytest.mark.parametrize(
    "line",
    [
        b"[]\n",
        b"7\n",
        b"null\n",
        b'"x"\n',
        b"{}\n",
        b'{"answer":1}\n',
        b'{"answer":1,"state":99,"code":"","detail":"","retry":null}\n',
        b'{"wire":"x"}\n',
        b"\xff\xfe\n",
        b"\0\0\0\n",
    ],
)
def test_a_spoilt_line_ends_the_reading_and_breaks_nothing(tmp_path, line):
    leave(tmp_path, HEAD, b'{"wire":1}\n', ANSWER, line)
    leave(tmp_path, line, name="host-2")

    found = {remains.lease: remains.outcomes for remains in dead_owners(tmp_path)}

    assert found == {"host-1": {1: SENT}}


def test_two_sweepers_never_replay_the_same_journal(tmp_path):
    leave(tmp_path, HEAD, ANSWER)
    first = dead_owners(tmp_path)
    assert next(first).batch_id == 42

    assert list(dead_owners(tmp_path)) == []
    first.close()
    assert len(list(dead_owners(tmp_path))) == 1


def test_only_its_owner_may_read_the_folder(tmp_path):
    Journal(tmp_path / "journal", "host-1", 1).close()

    assert (tmp_path / "journal").stat().st_mode & 0o077 == 0
