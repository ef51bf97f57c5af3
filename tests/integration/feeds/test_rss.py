"""Feeds as readers see them: valid, in order, cheap to ask for, and free of what was withdrawn."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime

import feedparser
import pytest
from lxml import etree
from sqlalchemy import update

from service.app import create_app
from service.db import utcnow
from service.ledger.publish import stamp_feeds
from service.models import Article, FeedClock, FeedStamp
from service.models.listing import ANY

ATOM = "{http://www.w3.org/2005/Atom}"


def read(client, key: str = "all") -> feedparser.FeedParserDict:
    answer = client.get(f"/feeds/{key}.rss")
    assert answer.status_code == 200
    found = feedparser.parse(answer.data)
    assert not found.bozo, found.get("bozo_exception")
    return found


def test_a_feed_shows_the_newest_first_and_keeps_turkish_letters(client, publish):
    publish(age_h=2, title="Eski: ığüşöç İĞÜŞÖÇ", url="https://www.example.bel.tr/haber/çöp?a=ş#ü")
    publish(age_h=1, title="Yeni 🌊 “tırnak”")

    found = read(client)

    assert [entry.title for entry in found.entries] == ["Yeni 🌊 “tırnak”", "Eski: ığüşöç İĞÜŞÖÇ"]
    link = found.entries[1].link
    assert link == "https://www.example.bel.tr/haber/%C3%A7%C3%B6p?a=%C5%9F#%C3%BC"
    assert [tag.term for tag in found.entries[1].tags] == ["İklim ve Çevre"]
    assert all(entry.published_parsed for entry in found.entries)


def test_a_feed_names_itself_and_its_entries_for_ever(client, publish, town):
    article_id = publish()

    answer = client.get("/feeds/iklim-cevre.rss")
    root = etree.fromstring(answer.data)

    (own,) = root.findall(f"channel/{ATOM}link[@rel='self']")
    assert own.get("href") == "http://localhost:8080/feeds/iklim-cevre.rss"
    assert root.findtext("channel/link") == "http://localhost:8080/haberler?topic=iklim-cevre"
    (guid,) = root.findall("channel/item/guid")
    day = town.get(Article, article_id).created_at.date().isoformat()
    assert guid.text == f"tag:tellal.example,{day}:article/{article_id}"
    assert guid.get("isPermaLink") == "false"
    assert read(client).entries[0].id == guid.text


def test_marks_in_texts_come_out_as_they_were_written(client, publish):
    publish(
        title="A & B < C &amp; <script>alert(1)</script>",
        summary="x < y & <b>kalın</b> &amp;",
        body_html='<p>Kod: &amp;amp; &lt;b&gt; ]]&gt; <img alt="]]&gt;" src="https://a.tr/b"></p>',
    )

    answer = client.get("/feeds/all.rss")
    item = etree.fromstring(answer.data).find("channel/item")

    # A character without width keeps readers that guess from reading markup.
    shown = item.findtext("title").replace("\u2060", "")
    assert shown == "A & B < C &amp; <script>alert(1)</script>"
    assert b"<title>A &#x26; B &#x3C; C" in answer.data
    # A description is HTML: plain text has to be escaped to be read as it was written.
    assert item.findtext("description") == "x &lt; y &amp; &lt;b&gt;kalın&lt;/b&gt; &amp;amp;"
    assert item.findtext("{*}encoded") == (
        '<p>Kod: &amp;amp; &lt;b&gt; ]]&gt; <img alt="]]&gt;" src="https://a.tr/b"></p>'
    )


def test_one_bad_article_breaks_no_feed(client, publish):
    publish(
        title="Kötü \x01\ufffe\x0b",
        summary="\x02",
        body_html="<p>\x03 ]]> \uffff</p>",
        url="https://ş\x01..tr/\x02#\x03ş",
    )
    publish(title="İyi")

    assert {entry.title for entry in read(client).entries} == {"Kötü", "İyi"}


def test_an_empty_feed_is_a_feed(client):
    assert read(client, "iklim-cevre").entries == []


def test_a_feed_holds_the_newest_twenty_five(client, publish):
    for number in reversed(range(27)):
        publish(age_h=number, title=f"Haber {number}")

    assert [entry.title for entry in read(client).entries] == [f"Haber {n}" for n in range(25)]


def test_a_topic_shows_only_its_own(client, publish):
    publish(title="İklim")
    publish(("spor",), title="Spor")

    assert [entry.title for entry in read(client, "spor").entries] == ["Spor"]
    assert len(read(client).entries) == 2


def test_an_unchanged_feed_answers_304_without_a_body(client, publish):
    publish()
    first = client.get("/feeds/all.rss")
    assert first.headers["ETag"].startswith('W/"')

    for known in (first.headers["ETag"], '"other", ' + first.headers["ETag"], "*"):
        again = client.get("/feeds/all.rss", headers={"If-None-Match": known})
        assert (again.status_code, again.data) == (304, b"")
        for name in ("ETag", "Cache-Control"):
            assert again.headers[name] == first.headers[name]
    assert client.get("/feeds/all.rss", headers={"If-None-Match": '"x"'}).status_code == 200
    assert client.get("/feeds/all.rss").data == first.data


def test_the_second_of_a_change_has_no_time_yet(client, publish, runtime, clock):
    """A second change in it would have the same time, and its readers would miss it."""
    publish()
    with runtime.db.write() as session:
        session.execute(update(FeedStamp).values(at=utcnow() + timedelta(minutes=1)))
        session.execute(update(FeedClock).values(seq=FeedClock.seq + 1))
        session.execute(update(FeedStamp).values(seq=FeedStamp.seq + 1))
    assert "Last-Modified" not in client.get("/feeds/all.rss").headers
    clock.advance(minutes=2)
    assert "Last-Modified" in client.get("/feeds/all.rss").headers


def test_a_change_that_began_before_another_one_does_not_look_older(
    client, publish, runtime, clock, town
):
    """Whoever waits long for the clock has an earlier time; who knows times alone would miss it."""
    began = utcnow()
    clock.advance(seconds=5)
    publish()
    clock.advance(seconds=5)
    at = client.get("/feeds/all.rss").headers["Last-Modified"]

    with runtime.db.write() as session:
        stamp_feeds(session, town.article(), began)

    clock.advance(seconds=5)
    again = client.get("/feeds/all.rss", headers={"If-Modified-Since": at})
    assert again.status_code == 200
    assert parsedate_to_datetime(again.headers["Last-Modified"]) > parsedate_to_datetime(at)


def test_the_time_of_the_last_change_serves_where_no_etag_came(client, publish, clock):
    publish()
    clock.advance(seconds=2)
    first = client.get("/feeds/all.rss")
    at = first.headers["Last-Modified"]

    known = client.get("/feeds/all.rss", headers={"If-Modified-Since": at})
    garbage = client.get("/feeds/all.rss", headers={"If-Modified-Since": "yesterday"})
    both = client.get(
        "/feeds/all.rss", headers={"If-Modified-Since": at, "If-None-Match": 'W/"old"'}
    )

    assert utcnow() - parsedate_to_datetime(at) < timedelta(minutes=1)
    assert (known.status_code, garbage.status_code, both.status_code) == (304, 200, 200)


def test_head_answers_as_get_does_without_the_body(client, publish, clock):
    publish()
    clock.advance(seconds=2)
    got, head = client.get("/feeds/all.rss"), client.head("/feeds/all.rss")

    assert head.data == b""
    assert head.status_code == 200
    for name in ("ETag", "Last-Modified", "Content-Type", "Cache-Control"):
        assert head.headers[name] == got.headers[name]
    assert got.mimetype == "application/rss+xml"
    assert "Set-Cookie" not in got.headers
    assert got.headers["Access-Control-Allow-Origin"] == "*"


def test_a_withdrawal_takes_the_article_away_and_changes_every_feed_it_was_in(
    client, publish, withdraw
):
    gone = publish(title="Geri çekilen")
    publish(("spor",), title="Spor")
    before = {key: client.get(f"/feeds/{key}.rss") for key in ("all", "iklim-cevre", "spor")}

    withdraw(gone)

    after = {key: client.get(f"/feeds/{key}.rss") for key in before}
    changed = {key for key in before if before[key].headers["ETag"] != after[key].headers["ETag"]}
    assert changed == {"all", "iklim-cevre"}
    assert "Geri çekilen" not in after["all"].text + after["iklim-cevre"].text
    assert after["spor"].data == before["spor"].data


def test_a_withdrawal_never_makes_the_feed_look_older(client, publish, withdraw, clock):
    publish(title="Kalan", age_h=48)
    gone = publish()
    clock.advance(seconds=2)
    before = parsedate_to_datetime(client.get("/feeds/all.rss").headers["Last-Modified"])

    withdraw(gone)

    clock.advance(seconds=2)
    after = parsedate_to_datetime(client.get("/feeds/all.rss").headers["Last-Modified"])
    assert after >= before


def test_another_name_of_the_city_is_another_feed(client, settings, publish):
    publish()
    etag = client.get("/feeds/all.rss").headers["ETag"]
    renamed = create_app(settings.model_copy(update={"city_name": "Başka Şehir"}))

    answer = renamed.test_client().get("/feeds/all.rss", headers={"If-None-Match": etag})

    assert answer.status_code == 200
    assert "Başka Şehir" in answer.text
    renamed.extensions["tellal"].close()


@pytest.mark.parametrize("key", ["İklim-Çevre", "IKLIM-CEVRE", "iklim-çevre", "%C4%B0klim-cevre"])
def test_a_key_in_turkish_or_in_capitals_leads_to_the_canonical_address(client, key):
    answer = client.get(f"/feeds/{key}.rss")

    assert answer.status_code == 308
    assert answer.headers["Location"].endswith("/feeds/iklim-cevre.rss")


def test_an_unknown_key_answers_404(client, subtests):
    for key in ("yok", "%00", "-", "ı" * 5000, "%FF", "..%2f"):
        with subtests.test(key[:10]):
            answer = client.get(f"/feeds/{key}.rss", follow_redirects=True)
            assert answer.status_code == 404


def test_numbers_of_changes_rise_with_each_stamp(publish, town, runtime):
    first, second = publish(), publish()
    assert town.get(Article, second).feed_seq > town.get(Article, first).feed_seq
    with runtime.db.write() as session:
        stamp_feeds(session, first, utcnow())
    assert town.get(Article, first).feed_seq > town.get(Article, second).feed_seq
    with runtime.db.read() as session:
        stamp = session.get_one(FeedStamp, (town.topic(), ANY))
    assert stamp.seq == town.get(Article, first).feed_seq


def test_an_edit_in_the_feed_keeps_its_id_and_its_time_and_moves_its_update(
    client, publish, runtime, town
):
    from service.models import Revision

    article_id = publish(age_h=5)
    before = client.get("/feeds/all.rss")
    with runtime.db.write() as session:
        session.execute(
            update(Revision).values(title="Düzeltildi", created_at=utcnow() + timedelta(minutes=5))
        )
        stamp_feeds(session, article_id, utcnow())

    after = client.get("/feeds/all.rss")

    old, new = (feedparser.parse(answer.data).entries[0] for answer in (before, after))
    assert new.title == "Düzeltildi"
    assert (old.id, old.published) == (new.id, new.published)
    assert new.updated > old.updated
    assert before.headers["ETag"] != after.headers["ETag"]


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ("ulasim+iklim-cevre", "iklim-cevre+ulasim"),
        ("Ulaşım+ulasim+İklim-Çevre@BORNOVA", "iklim-cevre+ulasim@bornova"),
        ("all+ulasim@Karşıyaka+bornova+Karşıyaka", "all@bornova+karsiyaka"),
        ("all@~Buca", "all@~buca"),
    ],
)
def test_a_combination_has_one_address(client, typed, canonical):
    answer = client.get(f"/feeds/{typed}.atom")

    assert answer.status_code == 308
    assert answer.headers["Location"] == f"http://localhost:8080/feeds/{canonical}.atom"
    assert client.get(f"/feeds/{canonical}.atom").status_code == 200


def test_a_place_brings_what_concerns_the_whole_city_too(client, publish):
    publish(("ulasim",), places=("bornova",), title="Bornova")
    publish(("ulasim",), places=("buca",), title="Buca")
    publish(("ulasim",), title="Bütün şehir")
    publish(("spor",), places=("bornova",), title="Spor")

    def titles(key: str) -> set[str]:
        return {
            entry["title"] for entry in client.get(f"/feeds/{key}.json").get_json(True)["items"]
        }

    assert titles("ulasim@bornova") == {"Bornova", "Bütün şehir"}
    assert titles("ulasim@~bornova") == {"Bornova"}
    assert titles("spor+ulasim@~bornova") == {"Bornova", "Spor"}
    assert titles("all@bornova+buca") == {"Bornova", "Buca", "Bütün şehir", "Spor"}


def test_a_change_touches_the_feeds_that_it_is_in_and_no_other(client, publish):
    publish(("ulasim",), places=("bornova",))
    keys = ["all", "ulasim", "spor", "ulasim@bornova", "ulasim@buca", "spor@bornova"]
    keys += ["spor+ulasim", "all@bornova", "all@buca", "ulasim@~bornova"]

    def tags() -> dict[str, str]:
        return {key: client.get(f"/feeds/{key}.atom").headers["ETag"] for key in keys}

    before = tags()
    publish(("ulasim",), places=("bornova",))
    after = tags()

    changed = {key for key in keys if before[key] != after[key]}
    assert changed == {
        *("all", "ulasim", "ulasim@bornova", "spor+ulasim", "all@bornova", "ulasim@~bornova")
    }
