"""“Wrong topic?”: counted without a trace of who said so, shown to staff, and deciding nothing."""

from __future__ import annotations

import re
from typing import Any

import pytest
from click.testing import CliRunner

from service.cli import cli
from service.db import utcnow
from service.ledger.publish import stamp_feeds, withdraw
from service.models import Article, LabelState, Topic, TopicLabel, WrongTopic, WrongTopicKind
from service.taxonomy import apply, changes_by, stored_topics
from tests.integration.citizen.entering import press
from tests.integration.town import EDITOR, TITLE

NO_SUCH = "/haber/99/wrong-topic"


def say(app: Any, article: int, ip: str, **answers: Any) -> Any:
    """One reader, with a browser and an address of their own."""
    client = app.test_client()
    client.environ_base["REMOTE_ADDR"] = ip
    path = f"/haber/{article}/wrong-topic"
    return press(client, client.get(path), path, **answers)


def public(town: Any, **fields: Any) -> int:
    """An article that everybody may read."""
    article: int = town.article(**fields)
    with town.runtime.db.write() as session:
        stamp_feeds(session, article, utcnow())
    return article


def counts(town: Any) -> dict[tuple[int, str], int]:
    return {(one.topic_id, one.kind): one.count for one in town.all(WrongTopic)}


def invoke(*words: str) -> str:
    result = CliRunner().invoke(cli, words)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("prefix", ["", "/en"])
def test_the_form_asks_for_topics_and_for_no_text(client, town, prefix):
    article = public(town)
    page = client.get(f"{prefix}/haber/{article}/wrong-topic")

    assert TITLE in page.text
    assert re.search(r'name="wrong" value="iklim-cevre"', page.text)
    assert '<option value="spor">' in page.text
    assert '<option value="iklim-cevre">' not in page.text
    assert "<textarea" not in page.text
    assert 'type="text"' not in page.text


def test_an_answer_is_counted_and_the_reader_is_not_kept(app, client, town):
    article = public(town)
    path = f"/haber/{article}/wrong-topic"

    done = press(client, client.get(path), path, wrong="iklim-cevre", missing="spor")

    assert (done.status_code, done.location) == (303, f"{path}?done=1")
    assert "Teşekkür ederiz" in client.get(done.location).text
    assert counts(town) == {
        (town.topic(), WrongTopicKind.WRONG): 1,
        (town.topic("spor"), WrongTopicKind.MISSING): 1,
    }
    columns = {column.name for column in WrongTopic.__table__.columns}
    assert columns == {"revision_id", "topic_id", "kind", "count", "last_at"}


def test_one_reader_counts_once_for_an_article(app, town):
    article, other = public(town), public(town)

    for _ in range(3):
        assert say(app, article, "203.0.113.7", wrong="iklim-cevre").status_code == 303
    say(app, article, "203.0.113.8", wrong="iklim-cevre")
    say(app, other, "203.0.113.7", wrong="iklim-cevre")

    assert sorted(one.count for one in town.all(WrongTopic)) == [1, 2]


def test_a_client_that_sends_many_is_stopped(app, town):
    article = public(town)
    codes = [say(app, article, "203.0.113.7", wrong="iklim-cevre").status_code for _ in range(21)]
    assert codes == [303] * 20 + [429]


@pytest.mark.parametrize(
    "answers", [{}, {"wrong": "spor"}, {"missing": "iklim-cevre"}, {"missing": "no such"}]
)
def test_an_answer_that_says_nothing_comes_back(app, town, answers):
    answer = say(app, public(town), "203.0.113.7", **answers)

    assert answer.status_code == 200
    assert "En az bir konu seçin" in answer.text
    assert '<a href="#wrong-iklim-cevre">' in answer.text
    assert counts(town) == {}


def test_an_article_without_topics_can_miss_one(app, client, town):
    article = public(town, topics=())
    answer = say(app, article, "203.0.113.7")
    assert '<a href="#missing">' in answer.text

    say(app, article, "203.0.113.7", missing="spor")

    assert counts(town) == {(town.topic("spor"), WrongTopicKind.MISSING): 1}


def test_what_is_not_there_is_not_found(client, town):
    for path in (NO_SUCH, f"/haber/{2**70}/wrong-topic"):
        assert client.get(path).status_code == 404, path


def test_what_is_held_or_withdrawn_tells_nothing_by_its_form(client, runtime, town):
    held, gone = town.article(), public(town)
    with runtime.db.write() as session:
        withdraw(session, session.get_one(Article, gone), utcnow())

    for article, status in ((held, 404), (gone, 410)):
        for method in ("GET", "HEAD"):
            answer = client.open(f"/haber/{article}/wrong-topic", method=method)
            assert answer.status_code == status
            assert TITLE not in answer.text


def test_a_form_without_its_token_counts_nothing(client, town):
    article = public(town)
    answer = client.post(f"/haber/{article}/wrong-topic", data={"wrong": "iklim-cevre"})
    assert answer.status_code == 400
    assert counts(town) == {}


@pytest.mark.usefixtures("command_line", "editor")
def test_staff_see_it_once_three_readers_say_so_and_their_word_ends_it(app, runtime, town):
    article = public(town)
    nothing = invoke("review", "list")
    for number in range(3):
        assert invoke("review", "list") == nothing
        say(app, article, f"203.0.113.{number}", wrong="iklim-cevre", missing="spor")

    lines = invoke("review", "list").splitlines()
    assert f"{article}\tiklim-cevre 0.90 (iklim, karbon); 3 readers call it wrong\t{TITLE}" in lines
    assert f"{article}\tspor; 3 readers miss it\t{TITLE}" in lines
    (label,) = town.all(TopicLabel)
    assert label.state == LabelState.PUBLISHED

    invoke("review", "accept", str(article), "iklim-cevre", "--staff", EDITOR)
    invoke("review", "reject", str(article), "spor", "--staff", EDITOR)

    assert invoke("review", "list") == nothing


def test_a_topic_that_readers_miss_can_still_be_removed(app, runtime, town):
    say(app, public(town), "203.0.113.7", missing="spor")

    with runtime.db.write() as session:
        listed = [topic for topic in stored_topics(session) if topic.slug != "spor"]
        apply(session, listed, changes_by(session, listed))

    assert "spor" not in {topic.slug for topic in town.all(Topic)}
    assert town.all(WrongTopic) == []
