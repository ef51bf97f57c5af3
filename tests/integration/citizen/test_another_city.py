"""Another city with its own names, colours, logo and languages: nothing of İzmir is in code."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from flask.testing import FlaskClient

from service.app import create_app
from service.messages.email import Letterhead
from service.messages.preview import parts
from service.runtime import Runtime
from service.setting_sources import SettingsError
from service.settings import Settings
from tests.unit.messages.stories import AT, reader

BRAND = """
languages: [en, tr, ar]
city: {en: Rivertown, tr: Nehirkent, ar: مدينة النهر}
service: {en: Rivertown tells}
colours: {brand: "#8a1c4a", accent: "#1d5f2f"}
logo: mark.svg
sender: {name: Rivertown News, address: news@rivertown.example}
postal: {en: "1 Bridge Street, Rivertown"}
contact: {general: hello@rivertown.example, phone: +44 20 1}
"""
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1"><script>alert(1)</script></svg>'


@pytest.fixture
def elsewhere(settings: Settings, tmp_path: Path) -> Settings:
    folder = tmp_path / "config"
    shutil.copytree(settings.config_dir, folder)
    (folder / "brand.yaml").write_text(BRAND, "utf-8")
    (folder / "mark.svg").write_bytes(LOGO)
    kept = settings.model_dump(exclude={"config_dir", "city_name", "mail_from"})
    return Settings(**kept, config_dir=folder)


@pytest.fixture
def translate(elsewhere: Settings) -> Callable[[], None]:
    """Puts the file of the third language in its place."""

    def put() -> None:
        catalogue = Catalog(locale="ar")
        catalogue.add("Topics", "المواضيع")
        folder = elsewhere.config_dir / "translations/ar/LC_MESSAGES"
        folder.mkdir(parents=True)
        with (folder / "messages.mo").open("wb") as file:
            write_mo(file, catalogue)

    return put


@pytest.fixture
def city(elsewhere: Settings, translate: Callable[[], None]) -> Iterator[APIFlask]:
    translate()
    app = create_app(elsewhere)
    yield app
    app.extensions["tellal"].close()


@pytest.fixture
def visitor(city: APIFlask) -> FlaskClient:
    return city.test_client()


@pytest.mark.parametrize(
    "path", ["/", "/privacy", "/accessibility", "/subscribe", "/display", "/x"]
)
@pytest.mark.parametrize(
    ("prefix", "start", "name", "topics"),
    [
        ("", '<html lang="en">', "Rivertown", "Topics"),
        ("/tr", '<html lang="tr">', "Nehirkent", "Konular"),
        ("/ar", '<html lang="ar" dir="rtl">', "مدينة النهر", "المواضيع"),
    ],
)
def test_pages_speak_every_language_of_the_city(
    visitor: FlaskClient, prefix: str, start: str, name: str, topics: str, path: str
) -> None:
    page = visitor.get(prefix + path).text
    assert start in page
    assert f"– {name}</title>" in page
    assert f">{topics}</a>" in page
    frame = page[: page.index("<main")] + page[page.index("</main>") :]
    assert "İzmir" not in frame
    assert "1 Bridge Street, Rivertown" in frame
    assert "mailto:hello@rivertown.example" in frame
    links = re.findall(r'class="language" href="([^"]+)" lang="(..)"', page)
    assert [code for _, code in links] == [c for c in ("en", "tr", "ar") if f'"{c}"' not in start]
    assert all(visitor.get(url).status_code < 500 for url, _ in links)


def test_the_language_switch_stays_on_the_page(visitor: FlaskClient) -> None:
    page = visitor.get("/ar/subscribe?topic=ulasim").text
    assert 'href="/subscribe?topic=ulasim" lang="en" hreflang="en" dir="ltr">English<' in page
    assert 'href="/tr/subscribe?topic=ulasim" lang="tr" hreflang="tr" dir="ltr">Türkçe<' in page
    assert 'hreflang="ar" dir="rtl">العربية<' in visitor.get("/tr/").text


def test_what_is_not_translated_is_english(visitor: FlaskClient) -> None:
    page = visitor.get("/ar/").text
    assert "Get news by email" in page
    assert "Transport" in page
    assert 'lang="en">Rivertown tells<' in page
    assert '<div lang="en" dir="ltr">' in visitor.get("/ar/privacy").text


def test_a_language_without_its_file_is_refused(elsewhere: Settings) -> None:
    with pytest.raises(SettingsError, match=r"language ar are not compiled.*pybabel compile -d"):
        create_app(elsewhere)


def test_colours_come_from_the_brand_alone(visitor: FlaskClient, settings: Settings) -> None:
    page = visitor.get("/").text
    sheet = visitor.get(re.findall(r'href="(/assets/\w+/site.css)"', page)[0]).text
    assert "--head:#8a1c4a" in sheet
    assert "--mark:#1d5f2f" in sheet
    assert settings.brand.colours.brand not in sheet


def test_a_logo_may_do_nothing(visitor: FlaskClient) -> None:
    page = visitor.get("/").text
    answer = visitor.get(re.findall(r'src="(/assets/\w+/logo.svg)"', page)[0])
    assert (answer.status_code, answer.mimetype, answer.data) == (200, "image/svg+xml", LOGO)
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "immutable" in answer.headers["Cache-Control"]


def test_feeds_and_letters_are_the_citys(
    visitor: FlaskClient, city: APIFlask, elsewhere: Settings
) -> None:
    feed = visitor.get("/feeds/all.rss").text
    assert "<title>Rivertown: All news</title>" in feed
    assert "<language>en</language>" in feed
    runtime: Runtime = city.extensions["tellal"]
    payload = {"template": "confirm", "language": "tr", "token_id": 4}
    letter = Letterhead(elsewhere, runtime.vault).service(reader(), 9, payload, AT)
    assert (letter.sender_name, letter.sender) == ("Rivertown News", "news@rivertown.example")
    text, page = parts(letter)
    assert "/tr/confirm/" in text
    for part in (text, page):
        assert "1 Bridge Street, Rivertown" in part
        assert "Nehirkent" in part
        assert "İzmir" not in part
    assert "#8a1c4a" in page
