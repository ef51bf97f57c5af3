"""Deltas (RFC 3229): only what changed, and never less than that."""

from __future__ import annotations

import gzip
import itertools
from datetime import timedelta

import feedparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from service.db import utcnow
from service.feeds.routes import EXTENSION
from service.ledger.publish import stamp_feeds
from service.models import Article, ArticleState, FeedDeparture, Revision, TopicLabel

PARAGRAPH = "<p>Belediye ekipleri bu hafta ilçedeki yolları, parkları ve durakları yeniler.</p>"


@pytest.fixture
def edit(runtime):
    """Changes an article: its columns, or those of its shown revision, or its topic."""

    def edit(article_id: int, *, state=None, title=None, topic_id=None, published_at=None) -> None:
        with runtime.db.write() as session:
            article = session.get_one(Article, article_id)
            article.state = state or article.state
            article.published_at = published_at or article.published_at
            if title:
                session.get_one(Revision, article.shown_revision_id).title = title
            if topic_id:
                session.execute(
                    update(TopicLabel)
                    .where(TopicLabel.revision_id == article.shown_revision_id)
                    .values(topic_id=topic_id)
                )
            stamp_feeds(session, article_id, utcnow())

    return edit


def ask(client, tag: str, path: str = "/feeds/iklim-cevre.atom", **headers):
    return client.get(path, headers={"A-IM": "feed", "If-None-Match": tag, **headers})


def titles(answer) -> list[str]:
    return [entry.title for entry in feedparser.parse(answer.data).entries]


def test_a_delta_holds_what_is_new_alone(client, publish):
    for number in range(10):
        publish(title=f"Haber {number}", age_h=number + 1)
    before = client.get("/feeds/iklim-cevre.atom")
    publish(title="Yeni")

    delta = ask(client, before.headers["ETag"])
    whole = client.get("/feeds/iklim-cevre.atom")

    assert delta.status == "226 IM Used"
    assert titles(delta) == ["Yeni"]
    assert delta.headers["IM"] == "feed"
    assert delta.headers["ETag"] == whole.headers["ETag"]
    assert delta.headers["Delta-Base"] == before.headers["ETag"]
    assert delta.headers["Cache-Control"] == "no-store, im"
    assert delta.headers["Vary"] == "A-IM, Accept-Encoding"
    assert delta.mimetype == "application/atom+xml"
    assert ask(client, delta.headers["ETag"]).status_code == 304


def test_of_several_known_versions_the_latest_is_the_base(client, publish):
    tags = []
    for number in range(6):
        publish(title=f"Haber {number}", age_h=10 - number)
        tags.append(client.get("/feeds/iklim-cevre.atom").headers["ETag"])

    delta = ask(client, f'"x", {tags[3]}, {tags[4]}, {tags[2]}')

    assert titles(delta) == ["Haber 5"]
    assert delta.headers["Delta-Base"] == tags[4]


def test_who_knows_nothing_that_helps_gets_it_whole(client, publish):
    for number in range(5):
        publish(age_h=number)
    tag = client.get("/feeds/iklim-cevre.atom").headers["ETag"]
    seq, _, rest = tag.removeprefix('W/"').partition("-")
    publish()

    of_the_future = f'W/"{int(seq) + 100}-{rest}'
    for known in ('"nope"', f'W/"{seq}-00000000"', of_the_future, 'W/"0-' + rest):
        assert ask(client, known).status_code == 200, known
    assert ask(client, tag, **{"A-IM": "feed;q=0"}).status_code == 200
    assert client.get("/feeds/iklim-cevre.atom", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize("suffix", ["rss", "atom", "json"])
def test_a_withdrawal_is_in_the_delta(client, publish, withdraw, suffix):
    path = f"/feeds/iklim-cevre.{suffix}"
    gone = publish(title="Geri çekilen")
    for number in range(5):
        publish(title=f"Haber {number}", age_h=number + 1)
    tag = client.get(path).headers["ETag"]

    withdraw(gone)
    delta = ask(client, tag, path)

    assert delta.status_code == 226
    assert f"article/{gone}" in delta.text
    assert "Geri çekildi" in delta.text
    assert "Haber" not in delta.text


def test_too_long_ago_for_withdrawals_to_be_told_is_too_long_ago(
    client, publish, withdraw, runtime
):
    gone = publish()
    for number in range(8):
        publish(age_h=number)
    tag = client.get("/feeds/iklim-cevre.atom").headers["ETag"]
    withdraw(gone)
    with runtime.db.write() as session:
        at = utcnow() - timedelta(days=15)
        session.execute(update(FeedDeparture).values(at=at))
        session.execute(update(Article).where(Article.id == gone).values(feed_at=at))
    publish()
    assert ask(client, tag).status_code == 200


def test_what_comes_back_into_the_feed_is_in_the_delta(client, publish, withdraw):
    ids = [publish(title=f"Haber {n:02}", age_h=n) for n in range(25, -1, -1)]
    before = client.get("/feeds/iklim-cevre.json")
    assert "Haber 25" not in before.text

    withdraw(ids[-1])

    delta = ask(client, before.headers["ETag"], "/feeds/iklim-cevre.json")
    found = [item["title"] for item in delta.get_json(True)["items"]]
    assert delta.status_code == 226
    assert found == ["Geri çekildi", "Haber 25"]


def test_a_delta_of_one_article_is_small(client, publish):
    """Of 25 articles: a twentieth of them would be more than one."""
    for number in range(25):
        publish(title=f"Haber {number}", age_h=number + 1, body_html=PARAGRAPH * 60)
    tag = client.get("/feeds/iklim-cevre.atom").headers["ETag"]
    publish(title="Yeni", body_html=PARAGRAPH * 60)

    delta, whole = ask(client, tag), client.get("/feeds/iklim-cevre.atom")
    squeezed = ask(client, tag, **{"Accept-Encoding": "gzip"})

    assert len(delta.data) * 20 <= len(whole.data)
    assert gzip.decompress(squeezed.data) == delta.data
    assert squeezed.headers["Content-Encoding"] == "gzip"


class Reader:
    """Keeps what a feed has ever told it, by id; asks for deltas or for all."""

    def __init__(self, client, key: str, *, wants_delta: bool) -> None:
        self.client, self.path, self.wants_delta = client, f"/feeds/{key}.json", wants_delta
        self.tag, self.store, self.deltas = '"none"', {}, 0

    def poll(self) -> dict[str, object]:
        headers = {"If-None-Match": self.tag, **({"A-IM": "feed"} if self.wants_delta else {})}
        answer = self.client.get(self.path, headers=headers)
        if answer.status_code != 304:
            self.deltas += answer.status_code == 226
            self.store |= {one["id"]: one for one in answer.get_json(True)["items"]}
            self.tag = answer.headers["ETag"]
        return self.store


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 1), st.integers(0, 30)),
        st.tuples(st.just("edit"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("withdraw"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("revive"), st.integers(0, 20), st.just(0)),
        st.tuples(st.just("reclassify"), st.integers(0, 20), st.integers(0, 1)),
        st.tuples(st.just("poll"), st.integers(0, 1), st.just(0)),
    ),
    min_size=4,
    max_size=16,
)


def test_deltas_tell_a_reader_all_that_whole_feeds_would(client, publish, edit, town, say):
    """Whatever happens between two polls, edits, withdrawals and other topics among it."""
    client.application.extensions[EXTENSION].composer.limit = 6
    topics = ("iklim-cevre", "spor")
    ids, numbers, deltas = [], itertools.count(), 0
    for age_h in range(10):
        ids.append(publish(topics[:1], age_h=age_h))

    @settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(STEPS)
    def hold(steps):
        nonlocal deltas
        pairs = [
            tuple(Reader(client, key, wants_delta=wants) for wants in (True, False))
            for key in ("iklim-cevre", "iklim-cevre+spor")
        ]
        for pair in pairs:
            assert pair[0].poll() == pair[1].poll()
        for act, which, other in [*steps, ("poll", 0, 0), ("poll", 1, 0)]:
            if act == "publish":
                ids.append(publish((topics[which],), age_h=other, title=f"Haber {next(numbers)}"))
            elif act == "edit":
                edit(ids[-1 - which % len(ids)], title=f"Düzeltildi {next(numbers)}")
            elif act == "withdraw":
                edit(ids[-1 - which % len(ids)], state=ArticleState.WITHDRAWN)
            elif act == "revive":
                edit(ids[-1 - which % len(ids)], state=ArticleState.PUBLISHED)
            elif act == "reclassify":
                edit(ids[-1 - which % len(ids)], topic_id=town.topic(topics[other]))
            else:
                assert pairs[which][0].poll() == pairs[which][1].poll()
        deltas += sum(pair[0].deltas for pair in pairs)

    hold()
    assert deltas
    say(f"deltas that told all: {deltas}")
