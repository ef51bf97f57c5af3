"""feedparser: what its caller keeps, and what a caller makes of it who knows no delta."""

from __future__ import annotations

import itertools

import feedparser
import pytest

from tests.integration.feeds.readers.python_readers import AGENT

XML = ("rss", "atom")
KEPT = (("etag",), ("modified",), ("etag", "modified"))


def test_either_validator_is_enough(url, city, clock, recorder, subtests):
    def parse(suffix, kept, known=None):
        validators = {name: known[name] for name in kept if known}
        found = feedparser.parse(f"{url}.{suffix}", **validators)
        assert not found.bozo, found.get("bozo_exception")
        return found

    news = city.publish()
    clock.advance(seconds=2)
    cases = list(itertools.product(XML, KEPT))
    first = {case: parse(*case) for case in cases}
    again = {case: parse(*case, first[case]) for case in cases}
    city.edit(news)
    clock.advance(seconds=2)
    edited = {case: parse(*case, first[case]) for case in cases}

    for case in cases:
        with subtests.test(case):
            assert (again[case].status, again[case].entries) == (304, [])
            assert [entry.title for entry in edited[case].entries] == [news.title]
            assert edited[case].entries[0].id == first[case].entries[0].id
            assert parse(*case, edited[case]).status == 304
    assert all(one.a_im == "feed" for one in recorder.take())


@pytest.mark.parametrize("agent", [None, AGENT])
def test_a_caller_reads_what_is_new_whether_it_knows_deltas_or_not(url, city, agent, subtests):
    """Without a name of its own it may know none: feedparser asks for deltas in everybody's name.
    rss2email is such a caller."""
    first = city.publish()
    known = {one: feedparser.parse(f"{url}.{one}", agent=agent) for one in XML}
    city.edit(first)
    city.publish()

    for suffix, before in known.items():
        with subtests.test(suffix):
            now = feedparser.parse(f"{url}.{suffix}", etag=before.etag, agent=agent)
            assert now.status == 200 or (agent and now.status == 226)
            titles = {entry.id: entry.title for entry in (*before.entries, *now.entries)}
            assert set(titles.values()) == {one.title for one in city.news}


def test_turkish_titles_topics_and_times_are_read_as_they_were_written(url, city, subtests):
    news = city.publish()

    for suffix in XML:
        with subtests.test(suffix):
            found = feedparser.parse(f"{url}.{suffix}")
            (entry,) = found.entries
            assert (entry.title, entry.link) == (news.title, news.url)
            assert found.feed.title == "İzmir Büyükşehir Belediyesi: İklim ve Çevre, Spor (Bornova)"
            assert "İklim ve Çevre" in {tag.label or tag.term for tag in entry.tags}
            assert "salımı" in entry.content[0].value
            assert entry.published_parsed
            assert entry.updated_parsed
