"""Our own sender without its ledger: letters of an edition, joined and sent as relays take them.

`python -m tests.bench.mail.ours PORT COUNT LETTERS [signed PROCESSES]`; the letters in the file are
not used, because to make them belongs to what is measured.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier

from service.dkim import new_key
from service.ledger.outcome import Outcome
from service.messages.edition import EditionLetter
from service.messages.email import Reader
from service.models import DeliveryState
from tests.bench.mail.letters import edition, readers
from workers.email.dkim import Signer
from workers.email.link import Envelope
from workers.email.pipeline import Pipeline
from workers.email.relay import Relay, Relays

LINKS = 16
DOMAIN = "haber.example.org"
Write = Callable[[EditionLetter], bytes]


class Steady:
    """So many links, whatever the answers are."""

    links = LINKS

    def note(self, envelope: Envelope, outcome: Outcome) -> None:
        """Nothing is learned."""

    def slow_down(self) -> None:
        """Nothing is learned."""


class Letters:
    """A letter for each reader, of whom nobody is asked whether it may leave."""

    def __init__(self, told: Iterator[Reader], write: Write) -> None:
        self._edition, self._told, self._write = edition(), told, write
        self.sent = 0

    def take(self) -> Envelope | None:
        reader = next(self._told, None)
        if reader is None:
            return None
        letter = self._edition.letter(reader)
        return Envelope(
            reader, letter.envelope_sender, letter.recipient, lambda: self._write(letter)
        )

    def answer(self, envelope: Envelope, outcome: Outcome) -> None:
        assert outcome.state == DeliveryState.SENT, outcome
        self.sent += 1


def writer(*, is_signed: bool) -> Write:
    """What makes the bytes of a letter."""
    if not is_signed:
        return EditionLetter.as_bytes
    signer = Signer(new_key(), DOMAIN, "bench")
    return lambda letter: signer.sign_letter(letter, int(time.time()))


def send(port: int, count: int, write: Write) -> None:
    """Send so many over connections of our own."""
    relays = Relays([Relay.of(f"smtp://127.0.0.1:{port}", DOMAIN)])
    letters = Letters(readers(count), write)
    Pipeline(relays, Steady()).run(letters)
    relays.close()
    assert letters.sent == count


def _send_together(port: int, count: int, barrier: Barrier) -> None:
    write = writer(is_signed=True)
    barrier.wait()
    send(port, count, write)


def main() -> None:
    port, count = int(sys.argv[1]), int(sys.argv[2])
    processes = int(sys.argv[5]) if len(sys.argv) > 4 else 0
    if not processes:
        write = writer(is_signed=False)
        started = time.perf_counter()
        send(port, count, write)
    else:
        barrier = multiprocessing.Barrier(processes + 1)
        shares = [len(range(start, count, processes)) for start in range(processes)]
        crew = [
            multiprocessing.Process(target=_send_together, args=(port, share, barrier))
            for share in shares
        ]
        for process in crew:
            process.start()
        barrier.wait()
        started = time.perf_counter()
        for process in crew:
            process.join()
        assert all(process.exitcode == 0 for process in crew)
    print(json.dumps({"seconds": time.perf_counter() - started}))


if __name__ == "__main__":
    main()
