"""`tellal alarms`: what staff read, and how they put it away."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from service.cli import cli
from service.db import utcnow
from service.ledger.alarms import clear_alarm, raise_alarm
from service.models import Alarm, AlarmKind, AuditEntry
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("alarms", *words))


@pytest.fixture
def alarm(runtime):
    """Raises an alarm about a batch."""

    def alarm(number: int, kind: AlarmKind = AlarmKind.BATCH_GIVEN_UP) -> bool:
        with runtime.db.write() as session:
            return raise_alarm(session, kind, number, f"{kind.value} {number}", utcnow())

    return alarm


def test_live_alarms_are_listed_the_oldest_first_with_what_to_do(alarm):
    alarm(7)
    alarm(5, AlarmKind.PLAN_FAILS)

    told = invoke().output.splitlines()

    assert [line.rpartition("\t")[2] for line in told[::2]] == ["batch given up 7", "plan fails 5"]
    assert "log" in told[1]
    assert "once an hour" in told[3]


def test_without_an_alarm_it_says_so():
    assert invoke().output == "No alarm is live.\n"


def test_raising_again_keeps_one_alarm_and_after_clearing_makes_another(alarm, runtime, town):
    assert [alarm(7), alarm(7), alarm(8), alarm(7, AlarmKind.PLAN_FAILS)] == [
        *(True, False, True, True)
    ]
    assert town.count(Alarm) == 3
    with runtime.db.write() as session:
        assert clear_alarm(session, AlarmKind.BATCH_GIVEN_UP, 7, utcnow())
        assert not clear_alarm(session, AlarmKind.BATCH_GIVEN_UP, 7, utcnow())

    assert alarm(7)
    assert town.count(Alarm) == 4


def test_staff_clear_an_alarm_under_their_name(alarm, town):
    alarm(7)
    (row,) = town.all(Alarm)

    assert invoke("clear", str(row.id), "--staff", EDITOR).exit_code == 0

    assert town.get(Alarm, row.id).cleared_at is not None
    (entry,) = town.all(AuditEntry)
    assert (entry.act, entry.object_id) == ("alarm.clear", row.id)
    assert invoke().output == "No alarm is live.\n"


def test_what_is_not_live_cannot_be_cleared_nor_by_nobody(alarm, town):
    alarm(7)
    (row,) = town.all(Alarm)

    assert invoke("clear", str(row.id + 1), "--staff", EDITOR).exit_code == 2
    assert invoke("clear", str(row.id), "--staff", "nobody@example.org").exit_code == 2

    assert town.get(Alarm, row.id).cleared_at is None
    assert town.count(AuditEntry) == 0
