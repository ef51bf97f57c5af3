"""An address that somebody typed."""

from __future__ import annotations


def test_readers_follow_to_the_canonical_address(feeds, city, follow, recorder):
    news = city.publish()
    recorder.take()

    for client in follow(f"{feeds}/spor+%C4%B0klim-%C3%87evre@Bornova"):
        client.poll()
        passed = [one.status for one in recorder.take()]
        assert passed == [308, 200] * len(client.formats), client.name
        for suffix in client.formats:
            assert [one.title for one in client.shown(suffix)] == [news.title], client.name
