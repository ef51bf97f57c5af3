"""What a letter says: the story, the reason, the way out; in both languages."""

from __future__ import annotations

import email
import email.policy
import html
import re

import pytest

from service.messages.edition import EditionLetter
from service.messages.email import Reader
from service.messages.story import Story
from tests.unit.messages.stories import AT, HOUSE, VAULT, edition, reader, story


class Read:
    """A letter as its reader's program shows it."""

    def __init__(self, letter) -> None:
        self.raw = letter.as_bytes()
        message = email.message_from_bytes(self.raw, policy=email.policy.SMTP)
        first, second = message.iter_parts()
        self.message = message
        self.text = first.get_content().replace("\r\n", "\n")
        self.html = second.get_content()

    @property
    def links(self) -> list[str]:
        return [html.unescape(found) for found in re.findall(r'href="([^"]*)"', self.html)]


def about(story_: Story | None = None, reader_: Reader | None = None) -> Read:
    return Read(letter(story_, reader_))


def letter(story_: Story | None = None, reader_: Reader | None = None) -> EditionLetter:
    return edition(story_).letter(reader_ or reader())


def test_both_parts_carry_the_same_links():
    found = about()
    unsubscribe = f"https://tellal.example/u/{VAULT.token('unsubscribe', 9, 11, 5)}"

    assert set(found.links) == {story().url, unsubscribe, "https://tellal.example/sign-in"}
    for link in found.links:
        assert link in found.text.split()


def test_the_unsubscribe_header_is_plain_and_names_the_link():
    found = about()
    token = VAULT.token("unsubscribe", 9, 11, 5)
    head = found.raw.split(b"\r\n\r\n")[0].decode()
    unfolded = head.replace("\r\n ", " ")

    assert f"List-Unsubscribe: <https://tellal.example/u/{token}>\r\n" in unfolded
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in unfolded
    assert "List-Id: <iklim-cevre.haber.tellal.example>" in unfolded
    assert max(map(len, head.split("\r\n"))) <= 78
    assert VAULT.numbers("unsubscribe", token, 3) == (9, 11, 5)


def test_a_hostile_title_is_text_in_every_part():
    title = '<script>alert(1)</script> & "x" {{ 7*7 }} {% raw %}'

    found = about(story(title=title, summary="<img src=x onerror=alert(1)>"))

    assert "<script" not in found.html
    assert "<img" not in found.html
    assert html.escape(title, quote=False)[:20] in found.html
    assert title in found.text
    assert "49" not in found.text
    assert found.message["Subject"] == title


def test_a_quote_in_the_address_of_the_article_stays_inside_its_attribute():
    url = "https://a.tr/'onmouseover='x"

    assert set(about(story(url=url)).links) >= {url}


@pytest.mark.parametrize(
    ("language", "why", "evidence"),
    [
        (
            "tr",
            "6 Haziran 2025 Cuma tarihinde şunu istediniz: "
            "İklim ve Çevre – Bütün şehir, haber yayımlandıkça.",
            "Konuyu belirleyen sözcükler: iklim, karbon.",
        ),
        (
            "en",
            "On 6 June 2025 Friday you asked for: "
            "Climate and environment – Whole city, as published.",
            "Words that set the topic: iklim, karbon.",
        ),
    ],
)
def test_each_reader_is_told_why_in_their_language(language, why, evidence):
    found = about(reader_=reader(language=language))

    assert why in found.text
    assert evidence in found.text
    assert f'<html lang="{language}" ' in found.html


def test_the_date_of_the_reason_is_the_date_in_the_city():
    assert "6 Haziran 2025" in about().text  # 22:30 UTC of the 5th


def test_who_asked_for_a_district_or_for_everything_reads_that():
    found = about(reader_=reader(topic_id=None, place_id=3))

    assert "Bütün konular – Beydağ" in found.text


def test_turkish_news_in_an_english_letter_says_its_language():
    found = about(reader_=reader(language="en"))

    assert re.search(r'<h1 [^>]*lang="tr"[^>]*><a [^>]*>Körfez</a></h1>', found.html)


def test_a_story_without_topics_places_or_summary_is_a_letter_too():
    found = about(story(topics=(), terms={}, summary=""), reader(topic_id=None))

    assert "Gövde" in found.text
    assert "List-Id" in found.message


def test_message_id_and_envelope_carry_one_token_that_names_the_delivery():
    found = letter()

    token = found.message_id.partition("@")[0]
    assert VAULT.numbers("mail", token, 2) == (9, 11)
    assert found.envelope_sender == f"b+{token}@tellal.example"


@pytest.mark.parametrize(("language", "prefix"), [("tr", ""), ("en", "/en")])
@pytest.mark.parametrize(
    ("template", "purpose", "path"),
    [
        ("confirm", "confirm", "/confirm/"),
        ("sign_in", "sign-in", "/sign-in/"),
        ("move", "move", "/address/"),
        ("move_asked", "move-stop", "/address/stop/"),
    ],
)
def test_a_letter_of_the_service_carries_its_link_in_both_parts(
    template, purpose, path, language, prefix
):
    payload = {"template": template, "language": language, "token_id": 4}
    found = Read(HOUSE.service(reader(), 9, payload, AT))
    link = f"https://tellal.example{prefix}{path}{VAULT.token(purpose, 4)}"

    assert link in found.text.split()
    assert link in found.links
    assert f'<html lang="{language}" ' in found.html
    assert "List-Unsubscribe" not in found.message


def test_a_letter_that_signs_nobody_in_carries_no_token():
    found = Read(HOUSE.service(reader(), 9, {"template": "move_taken", "token_id": 4}, AT))

    assert found.links == ["https://tellal.example/sign-in"]


def test_a_language_that_is_not_spoken_here_is_answered_in_turkish():
    payload = {"template": "welcome", "language": "de"}

    assert Read(HOUSE.service(reader(), 9, payload, AT)).message["Subject"] == (
        "Aboneliğiniz başladı"
    )
