"""`tellal feeds`, the chore that closes months, and what the doctor says of them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result

from service.admin.act_words import WORDS
from service.cli import cli
from service.doctor.installation import check_archives
from service.ledger import closing
from service.models import AuditEntry
from service.tasks import Task
from tests.integration.feeds.archive import Paper
from tests.integration.town import EDITOR
from workers.stages import CHORES

pytestmark = pytest.mark.usefixtures("command_line", "editor")


@pytest.fixture
def paper(runtime, client) -> Paper:
    return Paper(runtime, client)


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("feeds", *words))


def test_an_operator_closes_months_and_sees_them(paper, settings):
    assert "No month is closed yet." in invoke("months").output
    assert "No month is due." in invoke("close").output
    for _ in range(3):
        paper.publish()
    paper.publish(at=datetime(2025, 5, 1, tzinfo=UTC))
    found = check_archives(settings)
    assert (found.level, found.check) == ("wrong", "archives")
    assert "2025-03" in found.says

    assert invoke("close").stdout.splitlines() == ["2025-03 is closed.", "2025-05 is closed."]

    assert check_archives(settings).level == "ok"
    lines = [line.split() for line in invoke("months").stdout.splitlines()]
    assert [line[:2] for line in lines[1:]] == [["2025-05", "1"], ["2025-03", "3"]]


def test_the_chore_closes_what_is_due_and_goes_on_next_time(paper, runtime, monkeypatch):
    paper.publish()
    paper.publish(at=datetime(2025, 5, 1, tzinfo=UTC))
    monkeypatch.setattr("workers.archive.MOST_S", -1.0)

    for count in (1, 2, 2):
        CHORES[Task.CLOSE_MONTHS](runtime)
        with runtime.db.read() as session:
            assert len(closing.closed_months(session)) == count


def test_personal_data_is_taken_out_of_closed_months(paper, town):
    article = paper.publish(title="Adı soyadı yazılı")
    paper.wait(days=40)
    paper.close()
    paper.edit(article, "Adı yazılı değil")
    before = paper.get("all/2025-03.atom")
    assert "Adı soyadı yazılı" in before.text

    done = invoke("rewrite", str(article), "--staff", EDITOR)

    assert done.exit_code == 0, done.output
    after = paper.get("all/2025-03.atom")
    assert "Adı soyadı" not in after.text
    assert "Adı yazılı değil" in after.text
    assert after.headers["ETag"] != before.headers["ETag"]
    (act,) = town.all(AuditEntry)
    assert (act.act, act.object_id) == ("article.rewrite-archives", article)
    assert act.act in WORDS


def test_what_no_closed_month_holds_cannot_be_rewritten(paper, town):
    article = paper.publish()
    for number in (article, article + 1):
        refused = invoke("rewrite", str(number), "--staff", EDITOR)
        assert refused.exit_code == 2
        assert f"no closed month holds article {number}" in refused.output
    assert town.all(AuditEntry) == []
