"""rss2email: whole mails, and edits for those who want to be told of them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tests.integration.feeds.readers.city import WITHDRAWN
from tests.integration.feeds.readers.rss2email import Rss2email


def test_edits_and_withdrawals_come_as_replies_to_the_first_mail(
    url, city, tmp_path: Path, subtests
):
    with closing(Rss2email(url, tmp_path, replies=True)) as reader:
        news = city.publish()
        titles = [news.title]
        reader.poll()
        city.edit(news)
        titles.append(news.title)
        reader.poll()
        city.withdraw(news)
        reader.poll()
        reader.poll()

        for suffix, last in (("rss", [WITHDRAWN]), ("atom", [])):
            with subtests.test(suffix):
                mails = reader.mails(suffix)
                assert [one["Subject"] for one in mails] == [*titles, *last]
                before = [None, *(one["Message-ID"] for one in mails)]
                assert [one["In-Reply-To"] for one in mails] == before[: len(mails)]
                assert "İzmir Büyükşehir Belediyesi" in mails[0]["From"]
                assert f"URL: {news.url}" in mails[0].get_content()
