"""The reader's own look, what pages load beside themselves, and what is compressed."""

from __future__ import annotations

import gzip
import re

import brotli
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.settings import Settings


def choose(client: FlaskClient, **answers: str) -> TestResponse:
    return client.post("/display", data={"scheme": "auto", "size": "normal", **answers})


def test_a_choice_changes_one_sheet_and_no_page(client: FlaskClient) -> None:
    before = client.get("/").data
    answer = choose(client, scheme="dark", size="large")
    assert (answer.status_code, answer.location) == (303, "/display?saved=1")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("display=dark.large;")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    page = client.get("/")
    assert page.data == before
    assert "Cookie" not in page.headers.get("Vary", "")
    assert "Set-Cookie" not in page.headers
    sheet = client.get("/assets/display.css")
    assert "color-scheme:dark" in sheet.text
    assert "font-size:125%" in sheet.text
    assert sheet.headers["Cache-Control"] == "private, no-cache"
    assert (
        client.get(
            "/assets/display.css", headers={"If-None-Match": sheet.headers["ETag"]}
        ).status_code
        == 304
    )
    assert 'id="scheme-dark" checked' in client.get("/display").text


def test_the_device_decides_where_nothing_is_chosen(client: FlaskClient) -> None:
    choose(client, scheme="dark")
    assert "Max-Age=0" in choose(client).headers["Set-Cookie"]
    assert client.get("/assets/display.css").text == ""


@pytest.mark.parametrize("cookie", ["", ".", "dark", "x.y", "dark.larger.x", "</style>", "ş" * 99])
def test_any_cookie_gives_a_page_and_a_sheet(client: FlaskClient, cookie: str) -> None:
    client.set_cookie("display", cookie)
    assert client.get("/display").status_code == 200
    sheet = client.get("/assets/display.css")
    assert sheet.status_code == 200
    assert "<" not in sheet.text


@pytest.mark.parametrize("answers", [{"scheme": "pink"}, {"size": "huge"}, {"scheme": ""}])
def test_what_is_no_choice_is_none(client: FlaskClient, answers: dict[str, str]) -> None:
    assert "Max-Age=0" in choose(client, **answers).headers["Set-Cookie"]


def test_it_goes_back_to_where_the_reader_was(client: FlaskClient) -> None:
    came = {"Referer": "http://localhost/en/subscribe?topic=spor"}
    page = client.get("/en/display", headers=came).text
    assert 'name="back" value="/en/subscribe?topic=spor"' in page
    assert choose(client, back="/en/subscribe?topic=spor").location == "/en/subscribe?topic=spor"


@pytest.mark.parametrize(
    "back", ["//evil.example", "/\\evil.example", "https://evil.example", "x", "/a\r\nb", "/" * 600]
)
def test_it_leads_nowhere_else(client: FlaskClient, back: str) -> None:
    assert choose(client, back=back).location == "/display?saved=1"
    page = client.get("/display", headers={"Referer": "http://evil.example/a"}).text
    assert 'name="back"' not in page


@pytest.mark.parametrize(
    ("coding", "unpack"), [("br", brotli.decompress), ("gzip", gzip.decompress), ("", bytes)]
)
def test_the_sheet_is_sent_small_and_kept_for_good(
    client: FlaskClient, coding: str, unpack: object
) -> None:
    path = re.findall(r'href="(/assets/\w+/site.css)"', client.get("/").text)[0]
    answer = client.get(path, headers={"Accept-Encoding": coding})
    assert answer.headers.get("Content-Encoding", "") == coding
    assert "Accept-Encoding" in answer.headers["Vary"]
    assert "immutable" in answer.headers["Cache-Control"]
    assert ".btn-primary" in unpack(answer.data).decode()  # type: ignore[operator]
    assert not coding or len(answer.data) < 12_000


def test_a_file_of_an_older_release_is_answered_for_a_while(client: FlaskClient) -> None:
    assert client.get("/assets/000000000000/site.css").headers["Cache-Control"] == (
        "public, max-age=60"
    )
    assert client.get("/assets/000000000000/logo.svg").status_code == 404


def test_only_pages_without_secrets_are_compressed(client: FlaskClient) -> None:
    """A form's token beside what others choose would be told by the length (BREACH)."""
    accepts = {"Accept-Encoding": "gzip, deflate, br"}
    for path in ("/", "/privacy", "/accessibility", "/docs"):
        answer = client.get(path, headers=accepts)
        assert answer.headers["Content-Encoding"] == "br"
        assert b"csrf_token" not in brotli.decompress(answer.data)
    for path in ("/subscribe", "/check-email", "/display", "/staff/login"):
        assert "Content-Encoding" not in client.get(path, headers=accepts).headers


def test_the_footer_leads_to_the_statement(client: FlaskClient, settings: Settings) -> None:
    for prefix, words in (("", "Erişilebilirlik bildirimi"), ("/en", "Accessibility statement")):
        assert f'href="{prefix}/accessibility"' in client.get(f"{prefix}/").text
        assert f"<h1>{words}</h1>" in client.get(f"{prefix}/accessibility").text
