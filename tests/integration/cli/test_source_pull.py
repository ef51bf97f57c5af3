"""`tellal source pull`: where to look, whether to look, and what staff say of too much at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from service.cli import cli
from service.models import Pull, PullItem, PullState
from service.runtime import Runtime
from service.settings import Settings

pytestmark = pytest.mark.usefixtures("command_line")

ROOT = Path(__file__).parents[3]
FEED = "https://www.example.bel.tr/feed/"


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, ("source", *words))


def done(*words: str) -> str:
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*words: str) -> str:
    result = invoke(*words)
    assert result.exit_code == 2, result.output
    return result.output


@pytest.fixture
def pull(runtime: Runtime):
    """The only pull."""
    done("add", "kent")

    def read() -> Pull | None:
        with runtime.db.read() as session:
            return session.query(Pull).one_or_none()

    return read


def rung(settings: Settings) -> list[int]:
    """Sources that the queue has a task for."""
    import redis

    with redis.Redis.from_url(settings.redis_url.get_secret_value()) as connection:
        found = [json.loads(raw) for raw in connection.lrange("tellal:pull", 0, -1)]
        connection.flushall()
    import base64

    return [json.loads(base64.b64decode(message["body"]))[0][0] for message in found]


def set_state(runtime: Runtime, state: PullState, reason: str) -> None:
    with runtime.db.write() as session:
        session.execute(update(Pull).values(state=state, reason=reason))


def test_a_source_is_pulled_from_an_address_and_polled_at_once(pull, settings):
    rung(settings)
    said = done("pull", "kent", "--kind", "feed", "--url", FEED)

    row = pull()
    assert said.endswith(f"kent is pulled from {FEED}; what is there now is the archive.\n")
    assert (row.kind, row.url, row.state, row.baseline_at) == ("feed", FEED, "active", None)
    assert rung(settings) == [row.source_id]


def test_rules_are_checked_and_what_is_not_given_stays(pull, tmp_path):
    done("pull", "kent", "--kind", "html", "--url", "https://www.example.bel.tr/tr/Haberler")
    done("pull", "kent", "--rules", str(ROOT / "config" / "pull" / "izmir.toml"))
    assert pull().rules == {"article_path": "/tr/Haberler/{slug}/{number}/{category}"}
    bad = tmp_path / "bad.toml"
    bad.write_text('links = "a[["\ncolour = "red"\n', encoding="utf-8")

    said = refused("pull", "kent", "--rules", str(bad))

    assert "links: is no CSS selector" in said
    assert "colour: " in said
    done("pull", "kent", "--url", FEED)
    assert (pull().kind, bool(pull().rules)) == ("html", True)


def test_settings_that_change_forget_what_was_seen(pull, runtime):
    done("pull", "kent", "--kind", "feed", "--url", FEED)
    with runtime.db.write() as session:
        session.add(PullItem(source_id=pull().source_id, key="x", is_news=True, version=""))
        session.execute(update(Pull).values(etag="1", failures=3, state=PullState.PAUSED))
    done("pull", "kent", "--kind", "sitemap")

    row = pull()
    assert (row.etag, row.failures, row.state) == ("", 0, "active")
    with runtime.db.read() as session:
        assert session.query(PullItem).count() == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--kind", "feed"], "--url: Say what the listing is"),
        (["--now"], "kent is not pulled yet"),
        (["--accept-as-news"], "kent is not pulled yet"),
        (["--kind", "feed", "--url", "http://www.example.bel.tr/feed"], "is not https"),
        (["--kind", "feed", "--url", "file:///etc/passwd"], "is no address"),
        (["--kind", "feed", "--url", "https://[::1"], "is no address"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(pull, words, says):
    assert says in refused("pull", "kent", *words)
    assert pull() is None


def test_pause_resume_and_now(pull, settings, runtime):
    done("pull", "kent", "--kind", "feed", "--url", FEED)
    rung(settings)
    assert "pull feed paused" in done("pull", "kent", "--pause")
    assert rung(settings) == []
    assert "kent is paused: paused by staff" in refused("pull", "kent", "--now")
    done("pull", "kent", "--resume")
    assert (pull().state, pull().reason) == ("active", "")
    with runtime.db.write() as session:
        session.execute(update(Pull).values(due_at=pull().due_at.replace(year=2100)))
    rung(settings)
    done("pull", "kent", "--now")

    assert pull().due_at.year < 2100
    assert rung(settings) == [pull().source_id]


@pytest.mark.parametrize(("word", "is_news"), [("news", True), ("archive", False)])
def test_staff_decide_about_too_much_at_once(pull, runtime, word, is_news):
    done("pull", "kent", "--kind", "feed", "--url", FEED)
    assert "nothing is asked about kent" in refused("pull", "kent", f"--accept-as-{word}")
    with runtime.db.write() as session:
        for key in ("a", "b"):
            session.add(PullItem(source_id=pull().source_id, key=key, is_news=None, version=""))
    set_state(runtime, PullState.ASKING, "12 new articles at once: say whether they are news")
    assert "--accept-as-news or --accept-as-archive" in refused("pull", "kent", "--resume")
    assert "asking" in done("pull", "kent", "--pause")  # the question stays

    said = done("pull", "kent", f"--accept-as-{word}")

    assert said.endswith(f"2 articles are taken as {word}.\n")
    assert (pull().state, pull().reason) == ("active", "")
    with runtime.db.read() as session:
        assert {item.is_news for item in session.query(PullItem)} == {is_news}


def test_the_list_of_sources_says_how_each_pull_goes(pull, runtime):
    done("pull", "kent", "--kind", "feed", "--url", FEED)
    with runtime.db.write() as session:
        session.execute(update(Pull).values(found=7, missed=2, reason="the site answered 404"))

    said = done("list")

    assert "pull feed active, last poll: none yet, next: " in said
    assert "found 7, missed by push 2, the site answered 404" in said
