"""newsboat's own rules, which the feeds are made for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from tests.integration.feeds.readers.city import KEY
from tests.integration.feeds.readers.newsboat import Folder


@pytest.fixture
def newsboat(tmp_path: Path) -> Any:
    return lambda *urls: Folder(tmp_path / "newsboat", list(urls))


def test_an_article_of_several_feeds_is_kept_once(newsboat, feeds, city):
    news = city.publish()
    reader = newsboat(*(f"{feeds}/{one}" for one in ("iklim-cevre.rss", "all.rss", "all.atom")))

    for _ in range(3):
        reader.reload()
        (item,) = reader.items()
        assert (item.title, item.link) == (news.title, news.url)


def test_it_asks_conditionally_from_the_third_time_on(newsboat, url, city, recorder):
    city.publish()
    reader = newsboat(f"{url}.atom")

    for _ in range(4):
        reader.reload()

    passed = recorder.take()
    assert [one.status for one in passed] == [200, 200, 304, 304]
    assert [bool(one.if_none_match) for one in passed] == [False, False, True, True]


def test_of_several_links_it_takes_the_last_so_the_page_stands_last(
    newsboat, url, city, client, recorder
):
    """Where it should one day take the first, the order no longer matters to it."""
    news = city.publish()
    atom = client.get(f"/feeds/{KEY}.atom").text
    other = '<link rel="alternate" type="text/plain" href="https://www.example.bel.tr/metin"/>'
    turned = atom.replace("</entry>", f"{other}</entry>")
    recorder.app = Response(turned, content_type="application/atom+xml; charset=utf-8")
    reader = newsboat(f"{url}.atom")

    reader.reload()

    assert atom.index(news.url) < turned.index(other)
    assert reader.items()[0].link == "https://www.example.bel.tr/metin"
