"""`tellal suppressions` and `tellal bounces`: what staff see, and the one thing they may do."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result

from service.bounces import Complained, Returned
from service.cli import cli
from service.db import utcnow
from service.ledger.bounces import record_report
from service.models import AuditEntry, Bounce, BounceVerdict, Suppression
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")
ADDRESS = "ali@outlook.com"


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.fixture
def gone(runtime, town) -> int:
    """Somebody whose letter came back."""
    reader = town.reader(address=ADDRESS, lane="microsoft")
    with runtime.db.write() as session:
        said = Returned(4711, reader, BounceVerdict.HARD, "5.1.1", "550 5.1.1 no such user")
        record_report(session, said, utcnow())
    return reader


def test_the_list_counts_reasons_and_shows_no_address(gone, runtime, town):
    with runtime.db.write() as session:
        record_report(session, Complained(4712, town.reader()), utcnow())

    told = invoke("suppressions", "list").output.splitlines()

    assert told[:2] == ["1\tcomplaint", "1\thard bounce"]
    assert {line.split("\t")[1] for line in told[2:]} == {"complaint", "hard bounce"}
    assert "5.1.1, notification 4711" in "".join(told)
    assert "@" not in "".join(told)
    assert len(invoke("suppressions", "list", "--last", "1").output.splitlines()) == 3


def test_without_any_it_says_so():
    assert invoke("suppressions", "list").output == "Nobody is suppressed.\n"
    assert invoke("bounces").output == "Nothing came back.\n"
    assert invoke("suppressions", "show", ADDRESS).output == "Not suppressed.\n"


def test_an_address_is_explained_exactly_as_it_is_written(gone):
    told = invoke("suppressions", "show", "Ali@OUTLOOK.com").output.splitlines()

    assert "hard bounce\t5.1.1, notification 4711" in told[0]
    assert "notification 4711\thard\t5.1.1 550 5.1.1 no such user" in told[1]
    assert invoke("suppressions", "show", "al@outlook.com").output == "Not suppressed.\n"
    assert invoke("suppressions", "show", "%@outlook.com").output == "Not suppressed.\n"


def test_staff_lift_one_with_a_reason_under_their_name(gone, town):
    done = invoke("suppressions", "lift", ADDRESS, "--reason", "he called", "--staff", EDITOR)

    assert (done.exit_code, done.output) == (0, "Lifted.\n")
    assert town.count(Suppression) == 0
    assert town.all(Bounce)[0].forgiven_at is not None
    (entry,) = town.all(AuditEntry)
    assert (entry.act, entry.object_id) == ("suppression.lift", gone)
    assert entry.detail["reason"] == "he called"
    assert entry.detail["was"] == "hard bounce"
    assert ADDRESS not in str(entry.detail)
    assert "hard, forgiven" in invoke("suppressions", "show", ADDRESS).output


@pytest.mark.parametrize(
    "words",
    [
        (ADDRESS, "--staff", EDITOR),
        (ADDRESS, "--reason", " ", "--staff", EDITOR),
        (ADDRESS, "--reason", "why not", "--staff", "nobody@example.org"),
        ("other@outlook.com", "--reason", "why not", "--staff", EDITOR),
        ("no address", "--reason", "why not", "--staff", EDITOR),
    ],
)
def test_nothing_is_lifted_without_a_reason_a_name_or_a_suppression(words, gone, town):
    assert invoke("suppressions", "lift", *words).exit_code == 2

    assert town.count(Suppression) == 1
    assert town.count(AuditEntry) == 0


def test_what_came_back_is_counted_by_lane(gone, runtime, town):
    with runtime.db.write() as session:
        record_report(session, Complained(4712, gone), utcnow())
        record_report(session, Complained(4713, gone), utcnow())

    head, line = invoke("bounces").output.splitlines()

    assert head.split() == ["lane", "hard", "disabled", "soft", "ours", "complaint"]
    assert line.split() == ["microsoft", "1", "0", "0", "0", "2"]
