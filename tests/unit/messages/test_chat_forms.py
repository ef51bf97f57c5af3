"""What each service is sent: within its limit by its own count, and nothing but our own markup."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.messages.chat import (
    about,
    channel_test,
    code_message,
    listed,
    welcome,
    with_way_out,
)
from service.messages.chat_dialects import DIALECTS
from service.messages.chat_paper import ChatPaper
from service.messages.chat_preview import problems
from service.messages.chat_services import chat_services
from service.messages.chat_text import WORD_JOINER, shortened, tame, web_address
from service.messages.sandbox import TOO_MUCH
from service.messages.story import Name, Story
from service.setting_sources import SettingsError
from tests.unit.messages.chat_parsers import READERS, RINGS

CONFIG = Path(__file__).parents[3] / "config"
PAPER = ChatPaper(CONFIG)
URL = "https://city.example/haber/1"
HOSTILE = (
    *("@everyone", "@here ", "@room", "@ayse", "<!channel>", "<!here|x>", "<@U123>", "<@&9>"),
    *("<users/all>", "@**all**", "@_**Ayse|7**", "<#C1>", "</stop:1>", "/stop", "<t:1:R>"),
    *("[x](javascript:alert(1))", "[x]: http://b.example", "![i](http://b.example/i.png)"),
    *("](http://b.example)", "<http://b.example|x>", "|", "||", "\\", "\\\\", "\\*", "&", "&amp;"),
    *("&lt;b&gt;", "&#64;everyone", "</b>", "<a href='x'>", '"', "'", "```", "`", "``\n", "~~~\n"),
    *("**", "*", "_", "__", "~~", "~", "# ", "\n# ", "\n> ", "> ", "\n- ", "\n1. ", "\n---\n"),
    *("\n\n", "\n", "    ", "\t", "$$", "$", "===", "\n===\n", "a|b\n-|-\n", "{{ title }}", "{%"),
    *("https://b.example/a_b_*c*(d)", "https://b.example/@everyone", "http://", "ayse@example.com"),
    *("\u202e", "\u200b", "\u2060", "\u200d", "\ufeff", "\u2066", "\u00ad", "@\u200beveryone"),
    *("\x00", "\r\n", "\u2028", "\ud800", "\ufffe", "İ", "ı", "ş", "👨‍👩‍👧", "🇹🇷", "e\u0301"),
    *("İzmir", "haber", " ", ". ", ", "),
)
texts = st.one_of(
    st.text(max_size=300), st.lists(st.sampled_from(HOSTILE), max_size=60).map("".join)
)
kinds = st.sampled_from(["new", "correction", "withdrawal"])
services = st.sampled_from(sorted(READERS))


def story(**values) -> Story:
    found = {
        "article_id": 1,
        "revision_id": 2,
        "url": URL,
        "title": "İzmir’de kıyı yolu",
        "summary": "Yeni yol 4 kilometre.",
        "body_html": "",
        "body_text": "",
        "language": "tr",
        "topics": (Name(1, "ulasim", "Ulaşım", "Transport"),),
        "places": (Name(2, "konak", "Konak", "Konak"),),
        "terms": {},
    }
    return Story(**{**found, **values})


def size(service: str, text: str) -> int:
    """As the service says that it counts."""
    if service == "telegram":
        return len(html.unescape(re.sub("<[^>]*>", "", text)).encode("utf-16-le")) // 2
    if service in ("slack", "rocketchat"):
        return len(text.encode("utf-16-le")) // 2
    return (
        len(text) if service in ("discord", "mattermost", "zulip", "json") else len(text.encode())
    )


def bare(text: str) -> str:
    """A text without what stands for markup in services that know no escape, and its spaces."""
    for mine, theirs in zip("*`~[]|<>_\\", "∗ˋ∼［］¦‹›ˍ⧵", strict=True):
        text = text.replace(theirs, mine)
    return re.sub(rf"[\s{WORD_JOINER}]+|https?://\S*", "", text)


@given(texts, texts, texts, texts, kinds, services, st.booleans(), st.integers(200, 4_000))
def test_any_story_fits_and_is_nothing_but_ours(
    title, summary, note, topic, kind, service, urgent, longest
):
    told = story(
        title=title,
        summary=summary,
        note=note,
        kind=kind,
        is_urgent=urgent,
        topics=(Name(1, "t", topic, topic),),
    )
    written = about(told, "tr", PAPER).written(service, longest)

    seen = READERS[service](written.text)

    assert size(service, written.text) <= min(longest, PAPER.rules(service)[1])
    assert not RINGS.search(re.sub(r"https?://\S+", "", seen.text)), seen.text
    assert all(url == URL for url in seen.links if service not in ("ntfy", "google-chat", "json"))
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\ufeff\x00]", written.text)
    if kind != "withdrawal" and longest >= 300:
        assert URL in written.text
    if longest == 4_000 or service == "matrix":
        assert bare(tame(title, 400)) in bare(seen.text)


@given(st.lists(texts, min_size=1, max_size=20), texts, services, st.integers(600, 4_000))
def test_any_list_fits_and_tells_each_article(titles, more, service, longest):
    stories = [story(title=title, url=f"{URL}?n={n}") for n, title in enumerate(titles)]
    message = listed("Haberler", stories, more, "tr", PAPER)
    message = with_way_out(message, "https://city.example/my", "tr", by_word=True)

    written = message.written(service, longest)

    READERS[service](written.text)
    assert size(service, written.text) <= longest
    assert written.text.count("https://city.example/my") == 1
    assert "/stop" in written.text


clusters = st.lists(
    st.sampled_from(["İ", "ı", "ğ", "e\u0301", "👨‍👩‍👧", "🇹🇷", "👍🏽", "❤️", "कि"]), min_size=1
)


@given(clusters, st.integers(1, 30))
def test_a_word_is_cut_between_what_readers_see_as_letters(letters, limit):
    whole = "".join(letters)

    found = shortened(whole, limit)

    assert len(found) <= limit
    if found != whole:
        starts = {"".join(letters[:n]) for n in range(len(letters))}
        assert found.endswith("…")
        assert found[:-1] in starts


def test_an_address_inside_a_text_stays_whole_or_goes():
    text = "Ayrıntı: https://city.example/uzun/bir/adres/yolu sonra"

    for limit in range(1, len(text)):
        assert "https" not in shortened(text, limit) or "adres/yolu" in shortened(text, limit)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://city.example/a?b=c&d#e", "https://city.example/a?b=c&d#e"),
        ('https://city.example/a b<c>"|`', "https://city.example/a%20b%3Cc%3E%22%7C%60"),
        ("https://city.example/ışık", "https://city.example/ışık"),
        ("https://city.example/\u202ea", "https://city.example/%E2%80%AEa"),
        ("javascript:alert(1)", ""),
        ("//city.example/a", ""),
        ("/a", ""),
        ("data:text/html,x", ""),
        ("ftp://city.example/a", ""),
        ("https://user:word@city.example/", ""),
        ("https://city .example/", ""),
        ("https://city.example:x/", ""),
        ("https://[::1/", ""),
        ("https:///a", ""),
        ("https://city.example/" + "a" * 2_000, ""),
    ],
)
def test_only_absolute_web_addresses_become_links(url, found):
    assert web_address(url) == found
    written = about(story(url=url, image_url=url), "en", PAPER).written("discord")
    assert written.url == written.image_url == found
    assert ("](" in written.text) is bool(found)


@pytest.mark.parametrize("service", sorted(READERS))
def test_turkish_is_intact(service):
    told = story(title="İIıi ŞşĞğÜüÖöÇç", summary="IŞIK ılık İĞNE iğne. Âlâ, ‘tırnak’ – uzun.")

    seen = READERS[service](about(told, "tr", PAPER).written(service).text)

    assert "İIıi ŞşĞğÜüÖöÇç" in seen.text
    assert "IŞIK ılık İĞNE iğne. Âlâ, ‘tırnak’ – uzun." in seen.text
    assert "Ulaşım · Konak" in seen.text
    assert seen.bold[0] == "İIıi ŞşĞğÜüÖöÇç"


def test_kinds_say_what_they_are():
    def text(**values) -> str:
        return about(story(**values), "en", PAPER).written("slack").text

    assert text(is_urgent=True).startswith("*Urgent: İzmir’de kıyı yolu*\n\nYeni yol")
    assert text(kind="correction", note="It is at 10.").startswith(
        "*Correction: İzmir’de kıyı yolu*\n\nThis story, which we told you before, has been "
        "corrected.\n\nWhat changed: It is at 10.\n\nYeni yol 4 kilometre."
    )
    gone = text(kind="withdrawal", is_urgent=True, note="It was wrong.")
    assert gone.startswith("*Withdrawn: İzmir’de kıyı yolu*")
    assert "It was wrong." in gone
    assert "city.example" not in gone
    assert "Yeni yol" not in gone


def test_ntfy_has_its_fields():
    told = story(kind="correction", is_urgent=True, image_url="https://city.example/a.jpg")
    written = about(told, "tr", PAPER).written("ntfys")

    assert written.title == "Düzeltme: Acil: İzmir’de kıyı yolu"
    assert written.text == f"{written.title}\n\n{written.body}"
    assert written.url == URL
    assert (written.priority, written.tags) == (5, ("rotating_light", "pencil2"))
    assert written.image_url == "https://city.example/a.jpg"
    assert about(story(), "tr").written("ntfy").priority == 3


def test_messages_of_the_service_have_every_form():
    for language, message in (
        ("tr", channel_test("tr", PAPER)),
        ("en", code_message("123456", "en", PAPER)),
        ("en", with_way_out(welcome("en", PAPER), "https://a.example/my", "en", by_word=False)),
    ):
        for service, read in READERS.items():
            seen = read(message.written(service).text)
            assert message.title in seen.text, (language, service)
            assert all(part in seen.text for part in message.body.split("\n\n"))


def test_a_stranger_is_sent_plain_text_and_names_are_those_of_the_settings():
    message = about(story(), "tr", PAPER)

    assert message.written("gotify").text == f"{message.title}\n\n{message.body}"
    # A webhook's text is an event, and no message.
    known = {key: one for key, one in chat_services(CONFIG).items() if one[0] != "webhook"}
    assert {name for name, _ in known.values()} == set(DIALECTS)
    for scheme, (name, rules) in known.items():
        assert scheme in DIALECTS[name].schemes
        assert rules.form == DIALECTS[name].form
        assert rules.longest == DIALECTS[name].longest


@pytest.mark.parametrize(
    "written",
    [
        b"",
        b"\xff\xfe",
        b"services: [",
        b"services: " + b"[" * 5_000,
        b"services: []",
        b"services: {x: {schemes: [x], longest: 10}}",
        b"services: {x: {schemes: [x], longest: 500, service: 5/0}}",
        b"services: {x: {schemes: [x], longest: 500, target: often}}",
        b"services: {x: {schemes: [x], longest: 500, colour: red}}",
        b"services: {x: {schemes: [x], longest: 500}, y: {schemes: [x], longest: 500}}",
        b"services: !!python/object/apply:os.system [true]",
    ],
)
def test_limits_that_cannot_be_are_said_so(tmp_path, written):
    (tmp_path / "chat.yaml").write_bytes(written)

    with pytest.raises(SettingsError, match=r"chat\.yaml"):
        chat_services(tmp_path)


@pytest.fixture
def own(tmp_path) -> Path:
    (tmp_path / "chat.yaml").write_text((CONFIG / "chat.yaml").read_text("utf-8"), "utf-8")
    (tmp_path / "chat").mkdir()
    return tmp_path


def test_an_operator_replaces_a_template_of_a_form_or_of_one_service(own):
    (own / "chat" / "article.md").write_text("{{ title }}!\n{{ link(words.read, url) }}")
    (own / "chat" / "article.zulip.md").write_text("{{ bold(title) }} — {{ labels }}")
    message = about(story(title="*A*"), "tr", ChatPaper(own))

    assert message.written("discord").text == f"\\*A\\*!\n[Haberin tamamı]({URL})"
    assert message.written("zulip").text == "**∗A∗** — Ulaşım · Konak"
    assert message.written("slack").text == about(story(title="*A*"), "tr").written("slack").text


def test_a_new_file_is_seen_at_once_and_one_that_goes_too(own):
    paper, file = ChatPaper(own), own / "chat" / "article.md"

    def text() -> str:
        return about(story(), "tr", paper).written("discord").text

    before = text()
    file.write_text("{{ title }}")
    assert text() == "İzmir’de kıyı yolu"
    file.unlink()
    assert text() == before


@pytest.mark.parametrize(
    "template",
    ["{{ nobody }}", "{% if %}", "{{ title.x.y }}", "{{ ''.__class__.__mro__ }}", "x" * 5_000],
)
def test_a_template_that_cannot_be_used_stops_no_news(own, template):
    (own / "chat" / "article.md").write_text(template)
    told = story(summary="Özet " * 600)

    assert (
        about(told, "tr", ChatPaper(own)).written("discord").text
        == about(told, "tr").written("discord").text
    )


def test_check_says_where_a_template_writes_too_much(own):
    (own / "chat" / "article.md").write_text("{{ title }}\n{{ '%99999999d' % 1 }}")

    assert set(problems(own)) == {f"chat/article.md, line 2: {TOO_MUCH}"}


def test_what_is_cut_keeps_the_link_and_ends_at_a_word():
    told = replace(story(), summary="Kıyıdaki yeni yol açıldı. " * 500)

    written = about(told, "tr", PAPER).written("discord", 1_000)

    assert 950 < len(written.text) <= 1_000
    assert re.search(r"(Kıyıdaki|yeni|yol|açıldı\.?)…\n\nUlaşım · Konak\n\n\[", written.text)
    assert written.text.endswith(f"]({URL})")
