"""The page of a letter: valid, readable everywhere, and the staff's own where they wrote one."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import html5lib
import pytest
from lxml import html

from service.brand import Brand
from service.crypto import Vault
from service.messages import stationery
from service.messages.brand import Colours, letter_colours
from service.messages.edition import Edition
from service.messages.email import SERVICE_LETTERS, Letterhead
from service.messages.preview import parts, problems
from service.messages.sandbox import TOO_MUCH
from service.messages.stationery import TEMPLATES
from tests.unit.messages.stories import AT, HOUSE, PLACES, edition, reader, settings, story
from tests.unit.messages.test_edition import HOSTILE, KINDS, LANGUAGES, hostile

LETTERS = letter_colours(Brand().palette)
PAGES = [
    pytest.param(text, kind, language, id=f"{name}-{kind}-{language}")
    for name, text in HOSTILE.items()
    for kind in KINDS
    for language in LANGUAGES
]


def page(letter) -> str:
    return parts(letter)[1]


def service_page(template: str, language: str) -> str:
    payload = {"template": template, "language": language, "token_id": 4}
    return page(HOUSE.service(reader(), 9, payload, AT))


@pytest.mark.parametrize(("text", "kind", "language"), PAGES)
def test_a_page_is_valid_and_says_what_screen_readers_need(text, kind, language):
    found = page(edition(hostile(text, kind)).letter(reader(language=language, place_id=3)))

    check_page(found, language)


@pytest.mark.parametrize("template", SERVICE_LETTERS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_pages_of_the_service_are_valid_too(template, language):
    check_page(service_page(template, language), language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_is_subscribed_already_gets_a_valid_page_that_says_so(language):
    payload = {"template": "confirm", "language": language, "token_id": 4, "is_known": True}
    letter = HOUSE.service(reader(), 9, payload, AT)
    check_page(page(letter), language)
    for part in parts(letter):
        assert ("zaten var" if language == "tr" else "already have") in part
        assert "/confirm/" in part


def check_page(found: str, language: str) -> None:
    """Criterion 12, rule 11: the standard's own parser finds no error."""
    html5lib.HTMLParser(strict=True).parse(found)
    root = html.document_fromstring(found.encode(), html.HTMLParser(recover=False))
    assert found.startswith("<!DOCTYPE html>")
    assert root.get("lang") == language
    assert root.get("dir") == "ltr"
    assert len(root.findall(".//title")) == len(root.findall(".//h1")) == 1
    metas = {meta.get("name"): meta.get("content") for meta in root.iter("meta")}
    assert metas["viewport"].startswith("width=device-width")
    assert metas["color-scheme"] == metas["supported-color-schemes"] == "light dark"
    assert not list(root.iter("script", "form", "iframe", "object", "img", "link", "base"))
    assert not root.xpath("//@*[starts-with(name(), 'on')]")
    (article,) = root.xpath("//*[@role='article']")
    assert article.get("aria-roledescription") == "email"
    assert len(root.xpath("//*[@role='main']")) == 1
    hidden = root.xpath("//body/div[1]")[0]
    assert "display:none" in hidden.get("style")
    assert hidden.text_content().strip()
    assert hidden.text_content().count("\u034f") >= 80  # what follows stays out of the preview
    assert len(found.encode()) < 60_000


def test_a_page_stays_short_however_long_the_story_is():
    found = page(edition(story(summary="", body_text="Uzun cümle. " * 17_000)).letter(reader()))

    assert len(found.encode()) < 20_000


@pytest.mark.parametrize(
    ("language", "title", "direction"),
    [
        ("ar", "أخبار المدينة", "rtl"),
        ("fa-IR", "اخبار شهر", "rtl"),
        ("tr", "Körfez", "auto"),
        ("de", "Stadt", "auto"),
    ],
)
def test_a_story_in_another_language_says_so(language, title, direction):
    found = page(edition(story(language=language, title=title)).letter(reader()))

    heading = html.fromstring(found).find(".//h1")
    assert heading.get("dir") == direction
    assert heading.get("lang") == (None if language == "tr" else language)


@pytest.mark.parametrize("kind", KINDS)
def test_the_title_opens_the_article_unless_it_was_withdrawn(kind):
    found = page(edition(story(kind=kind, original=4)).letter(reader()))

    links = [link.get("href") for link in html.fromstring(found).iter("a")]
    assert (story().url in links) is (kind != "withdrawal")


@pytest.mark.parametrize("colours", [LETTERS.light, LETTERS.dark], ids=["light", "dark"])
def test_every_text_stands_out_from_its_ground(colours: Colours):
    pairs = [
        *((colours.ink, ground) for ground in (colours.paper, colours.ground, colours.notice)),
        *((colours.soft, ground) for ground in (colours.paper, colours.ground)),
        *((colours.accent, ground) for ground in (colours.paper, colours.ground)),
        (colours.on_accent, colours.accent),
        (colours.on_head, colours.head),
    ]

    assert [pair for pair in pairs if contrast(*pair) < 4.5] == []


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.fixture
def own(tmp_path: Path):
    """Writes a template of the staff's own; gives the settings that find it."""
    folder = tmp_path / "mail"
    folder.mkdir()
    shutil.copy(settings().config_dir / "brand.yaml", tmp_path)
    found = settings(config_dir=tmp_path)

    def write(name: str, text: str):
        (folder / name).write_text(text, "utf-8")
        return found

    return write


def told(found, **values) -> str:
    house = Letterhead(found, Vault(found))
    return page(Edition(house, story(**values), 9, PLACES, AT).letter(reader()))


def test_a_template_of_the_staff_replaces_the_one_of_the_program(own):
    shipped = (TEMPLATES / "article.html").read_text("utf-8")
    found = own("article.html", shipped.replace("<h1", '<p class="slogan">Kentin sesi</p><h1'))

    assert "Kentin sesi" in told(found)
    assert list(problems(found, Vault(found))) == []


def test_a_changed_template_is_used_without_a_restart(own):
    own("why.html", "Bir: {{ topic }} – {{ date }}")
    found = own("why.txt", "Bir: {{ topic }} – {{ date }}")
    assert "Bir: İklim ve Çevre" in told(found)

    path = found.config_dir / "mail" / "why.html"
    path.write_text("İki: {{ topic }} – {{ date }}", "utf-8")
    later = path.stat().st_mtime + 5
    os.utime(path, (later, later))

    assert "İki: İklim ve Çevre – 6 Haziran 2025 Cuma" in told(found)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("article.html", "{{ title", r"article\.html, line 1: "),
        ("article.html", "\n\n{{ nobody }}", r"article\.html, line 3: 'nobody' is undefined"),
        ("article.html", "{{ why }}", r"article\.html: \{\{ unsubscribe \}\} is missing"),
        (
            "article.txt",
            "{{ why }} {{ unsubscribe }} {{ unsubscribe }}",
            r"article\.txt: \{\{ unsubscribe \}\} is there 2 times",
        ),
        ("article.html", "{{ ''.__class__.__mro__ }}", r"article\.html.*unsafe"),
        ("article.html", "{{ 1 // 0 }}", r"article\.html, line 1: ZeroDivisionError"),
        ("article.html", "{% include 'no.html' %}", r"article\.html, line 1: TemplateNotFound"),
        (
            "article.html",
            "{{ why }}{{ unsubscribe }}<script>x</script>",
            r"article\.html: <script> has no place",
        ),
        ("why.txt", "{{ date | upper }}", r"why\.txt: \{\{ date \}\} is missing"),
        ("why.html", "{{ date }}{{ topic * 10000 }}", r"why\.html: longer than 60,000 bytes"),
        ("why.txt", "{{ date }}\n{{ 'x'|center(99999999) }}", rf"why\.txt, line 2: {TOO_MUCH}"),
        ("layout.html", "{% block content %}", r"layout\.html, line 1: "),
    ],
)
def test_a_template_that_cannot_be_used_stops_no_news(own, name, text, sentence, monkeypatch):
    found = own(name, text)
    said: list[str] = []
    log = SimpleNamespace(error=lambda event, **values: said.append(values["detail"]))
    monkeypatch.setattr(stationery, "log", log)

    pages = [told(found), told(found)]

    assert "Körfez" in pages[0]
    assert re.search(r"/u/[a-z2-7]{20,}", pages[0])
    assert pages == [page(edition().letter(reader()))] * 2
    assert len(said) == 1
    assert re.match(sentence, said[0])
    assert said[0] in problems(found, Vault(found))


def test_a_file_that_no_letter_uses_is_named(own):
    found = own("artcle.html", "x")

    assert list(problems(found, Vault(found))) == [
        "artcle.html: no letter uses a template of this name"
    ]


def test_text_of_a_story_is_never_a_template():
    found = page(edition(replace(story(), title="{{ 7 * 7 }}", summary="{% x %}")).letter(reader()))

    assert "{{ 7 * 7 }}" in found
    assert "{% x %}" in found
