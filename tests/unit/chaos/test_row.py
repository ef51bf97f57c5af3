"""When faults strike, and how recovery is measured."""

from __future__ import annotations

import random

import pytest

from tests.chaos import faults
from tests.chaos.faults import Fault
from tests.chaos.row import EARLY_S, FIRST_SHARE, LAST_SHARE, plan, recovery


def test_a_seed_gives_the_same_strikes_again() -> None:
    parts = [Fault("a", strikes=3, early=2), Fault("b", strikes=1)]
    assert plan(parts, random.Random(7)) == plan(parts, random.Random(7))
    assert plan(parts, random.Random(7)) != plan(parts, random.Random(8))


def test_early_strikes_come_first_and_the_others_by_share() -> None:
    strikes = plan([Fault("a", strikes=3, early=2), Fault("b", early=1)], random.Random(7))
    early = [strike.after_s for strike in strikes[:3]]
    shares = [strike.share for strike in strikes[3:]]
    assert early == sorted(at for at in early if at is not None and 0 <= at <= EARLY_S)
    assert shares == sorted(share for share in shares if FIRST_SHARE <= share <= LAST_SHARE)
    assert len(strikes) == 3 + 6


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_every_row_has_a_name_and_a_trouble_of_its_own(database: str) -> None:
    table = faults.table(database)
    assert len({fault.name for fault in table}) == len(table)
    assert all(fault.strikes or fault.early for fault in table)
    assert all(fault.only in ("", database) for fault in table)


def test_a_mix_is_the_same_for_a_seed() -> None:
    one, again = (faults.mix("sqlite", random.Random("1 mix 1")) for _ in range(2))
    assert [fault.name for fault in one] == [fault.name for fault in again]
    assert len({fault.name for fault in one}) == faults.MIXED


@pytest.mark.parametrize(
    ("spans", "mail", "chat", "done", "seconds"),
    [
        ([(10, 10)], [5.0, 12.0], [], 20, 2.0),
        ([(10, 10)], [5.0, 10.1, 12.0], [], 20, 2.0),  # on the wire when it struck
        ([(10, 15)], [5.0, 12.0, 18.0], [], 20, 3.0),  # the other lane during a freeze
        ([(10, 10)], [5.0, 11.0, 12.0], [5.0, 14.0], 20, 4.0),  # the slower way
        ([(10, 10), (20, 20)], [11.0, 25.0], [], 30, 5.0),  # the worse strike
        ([(10, 10), (20, 20)], [25.0], [], 30, 5.0),  # one followed at once by another
        ([(10, 10)], [5.0], [5.0], 13, 3.0),  # all had arrived: until done
        ([(10, 10)], [5.0], [5.0], 9, 0.0),
        ([], [5.0], [], 20, 0.0),
    ],
)
def test_recovery_is_the_wait_for_the_next_arrival(
    spans: list[tuple[float, float]],
    mail: list[float],
    chat: list[float],
    done: float,
    seconds: float,
) -> None:
    assert recovery(spans, [mail, chat], done) == pytest.approx(seconds)
