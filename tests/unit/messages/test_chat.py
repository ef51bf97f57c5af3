"""Chat messages: short enough for every service, cut between words."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from service.messages.chat import MAX_BODY, MAX_LIST_BYTES, about, listed
from service.messages.story import Name, Story
from service.messages.wording import cut


@given(st.text(), st.integers(1, 60))
def test_a_cut_text_is_never_longer_and_a_beginning_of_the_whole(text, limit):
    found = cut(text, limit)

    assert len(found) <= limit
    if len(text) <= limit:
        assert found == text
    else:
        assert found.endswith("…")
        assert text.startswith(found[:-1])


def test_a_text_is_cut_at_the_end_of_a_word():
    assert cut("Körfez için iklim eylem planı", 18) == "Körfez için iklim…"
    assert cut("Körfez, iklim", 9) == "Körfez…"
    assert cut("Körfez", 6) == "Körfez"
    assert cut("x" * 10, 5) == "xxxx…"


def story(**values) -> Story:
    topics = tuple(Name(n, f"t{n}", "Konu " * 9, "Topic " * 9) for n in range(20))
    return Story(
        **{
            "article_id": 1,
            "revision_id": 2,
            "url": "https://a.tr/" + "x" * 900,
            "title": "Ş" * 300,
            "summary": "Özet " * 190,
            "body_html": "",
            "body_text": "Gövde",
            "language": "tr",
            "topics": topics,
            "places": (),
            "terms": {},
            **values,
        }
    )


def test_the_longest_message_fits_and_keeps_its_link_whole():
    for language in ("tr", "en"):
        message = about(story(), language)

        assert len(message.title) + len(message.body) <= 2_000
        assert len(message.body) <= MAX_BODY
        assert message.body.endswith("\n\nhttps://a.tr/" + "x" * 900)


def test_a_message_says_lead_topics_and_address():
    topics = (Name(1, "a", "İklim", "Climate"),)
    places = (Name(2, "b", "Beydağ", "Beydağ"),)
    found = story(title="T", summary="", url="https://a.tr/1", topics=topics, places=places)

    assert about(found, "tr").body == "Gövde\n\nİklim · Beydağ\n\nhttps://a.tr/1"
    assert about(found, "en").body == "Gövde\n\nClimate · Beydağ\n\nhttps://a.tr/1"


@given(st.lists(st.tuples(st.text(), st.integers(0, 1_000)), min_size=1, max_size=20), st.text())
def test_a_list_fits_and_tells_each_article(found, more):
    stories = [
        story(title=title or "x", url=f"https://city.example/{'a' * length}")
        for title, length in found
    ]

    message = listed("Sessiz saatlerinizin haberleri", stories, more[:100])

    assert message.body.count("• ") >= len(stories)
    assert len(message.body.encode()) <= MAX_LIST_BYTES + 200


def test_a_list_has_titles_and_addresses():
    stories = [story(title=title, url=f"https://city.example/{title}") for title in "ab"]

    message = listed("Haberler", stories, "3 haber daha")

    assert message.title == "Haberler"
    assert message.body == (
        "• a\nhttps://city.example/a\n\n• b\nhttps://city.example/b\n\n3 haber daha"
    )
