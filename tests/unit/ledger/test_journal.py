"""The journal: what a killed worker leaves, and who may read it."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.batches import BATCH_SIZE
from service.ledger.journal import DETAIL_CHARACTERS, Journal, JournalError
from service.ledger.outcome import ON_THE_WIRE, SENT, Answer, Outcome
from service.ledger.remains import OwnerState, dead_owners, read_beside, state_of
from service.models import DeliveryState

DOUBT = Answer(ON_THE_WIRE, 7)
OWNER = """
import sys
from pathlib import Path
from service.ledger.journal import Journal
from service.ledger.outcome import SENT
journal = Journal(Path(sys.argv[1]), "host-1", 42)
journal.set_revision(7)
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
    assert read_beside(tmp_path, "host-1").outcomes == {1: Answer(SENT, 7), 2: DOUBT}
    assert read_beside(tmp_path, "host-2") is None


def test_a_killed_owner_leaves_its_answers_and_what_was_on_the_wire(tmp_path, owner):
    owner.kill()
    owner.wait()

    assert state_of(tmp_path, "host-1") is OwnerState.DEAD
    (remains,) = dead_owners(tmp_path)
    assert (remains.batch_id, remains.lease) == (42, "host-1")
    assert remains.outcomes == {1: Answer(SENT, 7), 2: DOUBT}


def test_without_a_journal_the_owner_is_gone(tmp_path):
    assert state_of(tmp_path, "host-1") is OwnerState.GONE
    assert list(dead_owners(tmp_path / "nowhere")) == []


def test_an_owner_that_ended_well_leaves_nothing(tmp_path):
    journal = Journal(tmp_path, "host-1", 1)
    journal.wire(1)
    journal.close()
    journal.abandon()

    assert list(tmp_path.iterdir()) == []


def test_each_answer_is_told_with_the_revision_that_was_in_force(tmp_path):
    journal = Journal(tmp_path, "host-1", 42)
    deferred = Outcome(DeliveryState.DEFERRED, "429", "ş", 7.5)
    for revision, destination in ((None, 1), (5, 2), (5, 3), (None, 4)):
        journal.set_revision(revision)
        journal.wire(destination)
        journal.answer(destination, deferred)
    journal.wire(9)
    journal.abandon()

    (remains,) = dead_owners(tmp_path)

    assert remains.answers == {
        **{1: Answer(deferred, None), 2: Answer(deferred, 5)},
        **{3: Answer(deferred, 5), 4: Answer(deferred, None)},
    }
    assert remains.on_wire == {9: None}


def test_what_stayed_was_not_on_the_wire(tmp_path):
    journal = Journal(tmp_path, "host-1", 42)
    journal.wire(1)
    journal.answer(1, SENT)
    journal.wire(2)
    journal.stayed(2)
    journal.abandon()

    (remains,) = dead_owners(tmp_path)

    assert remains.outcomes == {1: Answer(SENT, None)}


@given(
    st.lists(
        st.builds(
            Outcome,
            st.sampled_from(DeliveryState),
            st.text(max_size=16),
            st.text(max_size=DETAIL_CHARACTERS),
            st.none() | st.floats(allow_nan=False),
        ),
        max_size=20,
    )
)
def test_whatever_was_answered_is_read_as_it_was_written(outcomes):
    with TemporaryDirectory() as folder:
        journal = Journal(Path(folder), "host-1", 42, deliveries=1)
        for number, outcome in enumerate(outcomes):
            journal.wire(number)
            journal.answer(number, outcome)
        journal.abandon()
        (remains,) = dead_owners(Path(folder))

    assert [answer.outcome for answer in remains.answers.values()] == outcomes
    assert remains.on_wire == {}


def test_a_long_explanation_is_cut(tmp_path):
    journal = Journal(tmp_path, "host-1", 42)
    journal.answer(1, Outcome(DeliveryState.REJECTED, "550", "ığüşöç " * 100))
    journal.abandon()

    (remains,) = dead_owners(tmp_path)

    assert remains.answers[1].outcome.detail == ("ığüşöç " * 100)[:DETAIL_CHARACTERS]


def test_a_batch_with_plain_answers_needs_no_more_than_the_space_taken_at_first(tmp_path):
    journal = Journal(tmp_path, "host-1", 2**53)
    (path,) = tmp_path.iterdir()
    taken = path.stat()
    for number in range(10**11, 10**11 + BATCH_SIZE):
        journal.wire(number)
        journal.answer(number, Outcome(DeliveryState.SENT, "2.0.0"))

    assert path.stat().st_size == taken.st_size
    assert path.stat().st_blocks == taken.st_blocks
    assert taken.st_blocks * 512 >= taken.st_size
    journal.close()


@contextmanager
def full_disk() -> Iterator[None]:
    """In this block no file of this process grows or is written to, what pytest says included."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_shows_before_anything_is_sent(tmp_path):
    with full_disk(), pytest.raises(JournalError, match="File too large"):
        Journal(tmp_path, "host-1", 42)

    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_takes_what_there_was_space_for_and_says_where_that_ends(tmp_path):
    """Long answers may need more than was taken at first; a plain line never does."""
    wordy = Outcome(DeliveryState.REJECTED, "5.1.1", "ı" * DETAIL_CHARACTERS)
    journal = Journal(tmp_path, "host-1", 42)
    written = 0

    def write_all() -> None:
        nonlocal written
        for written in range(BATCH_SIZE):
            journal.wire(written)
            journal.answer(written, wordy)

    with full_disk(), pytest.raises(JournalError, match="File too large"):
        write_all()
    journal.abandon()

    (remains,) = dead_owners(tmp_path)

    assert 50 < written < BATCH_SIZE
    assert remains.outcomes == {
        **{number: Answer(wordy, None) for number in range(written)},
        **dict.fromkeys(remains.on_wire, DOUBTED),
    }
    assert set(remains.on_wire) <= {written}


def test_a_journal_that_outgrows_its_space_takes_more(tmp_path):
    wordy = Outcome(DeliveryState.REJECTED, "5.1.1", "ı" * DETAIL_CHARACTERS)
    journal = Journal(tmp_path, "host-1", 42)
    for number in range(BATCH_SIZE):
        journal.wire(number)
        journal.answer(number, wordy)
    journal.abandon()

    (remains,) = dead_owners(tmp_path)

    assert remains.outcomes == dict.fromkeys(range(BATCH_SIZE), Answer(wordy, None))


HEAD = b'["b",42]\n'
ANSWER = b'["a",1,1]\n'
SENT_ANSWER = Answer(SENT, None)
DOUBTED = Answer(ON_THE_WIRE, None)


def test_a_torn_last_line_costs_only_itself(tmp_path):
    whole = HEAD + b'["w",1]\n' + ANSWER + b'["w",2]\n'
    for end in range(len(whole) + 1):
        path = leave(tmp_path, whole[:end], b"\0" * 64)
        found = [remains.outcomes for remains in dead_owners(tmp_path)]
        path.unlink(missing_ok=True)
        if end < len(HEAD) - 1:
            assert found == []
        else:
            assert found[0].get(1, SENT_ANSWER) in (SENT_ANSWER, DOUBTED)
    assert found == [{1: SENT_ANSWER, 2: DOUBTED}]


def test_an_owner_that_died_before_its_first_line_has_sent_nothing(tmp_path):
    for rest in (b"", b'["b', b"\0\0\0\0"):
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
        b'["a",1]\n',
        b'["a",2,99]\n',
        b'["a",2,1,"","",null,7,8]\n',
        b'["w","x"]\n',
        b"\xff\xfe\n",
        b"\0\0\0\n",
    ],
)
def test_a_spoilt_line_ends_the_reading_and_breaks_nothing(tmp_path, line):
    leave(tmp_path, HEAD, b'["w",1]\n', ANSWER, line, b'["w",3]\n')
    leave(tmp_path, line, name="host-2")

    found = {remains.lease: remains.outcomes for remains in dead_owners(tmp_path)}

    assert found == {"host-1": {1: SENT_ANSWER}}


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
