"""Who hears of holes in this installation (RFC 9116)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient

from service.app import create_app
from service.citizen.security_txt import PATH, security_txt
from service.settings import Settings

CONTACT = "mailto:guvenlik@example.bel.tr"


@pytest.fixture
def said(settings: Settings) -> Settings:
    changes = {"security_contact": CONTACT, "base_url": "https://haber.example.bel.tr"}
    return settings.model_copy(update=changes)


@pytest.fixture
def asked(said: Settings) -> Iterator[FlaskClient]:
    app = create_app(said)
    yield app.test_client()
    app.extensions["tellal"].close()


def test_a_city_that_names_nobody_has_no_file(client: FlaskClient) -> None:
    assert client.get(PATH).status_code == 404


def test_the_file_says_who_until_when_and_in_which_languages(asked: FlaskClient) -> None:
    answer = asked.get(PATH)
    assert answer.status_code == 200
    assert answer.content_type == "text/plain; charset=utf-8"  # section 3
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert list(fields) == ["Contact", "Expires", "Preferred-Languages", "Canonical"]
    assert fields["Contact"] == CONTACT
    assert fields["Preferred-Languages"] == "tr, en"
    assert fields["Canonical"] == f"https://haber.example.bel.tr{PATH}"
    left = datetime.fromisoformat(fields["Expires"]) - datetime.now(UTC)
    assert timedelta(days=150) < left < timedelta(days=365)


def test_caches_keep_it_and_nobody_loads_it_twice(asked: FlaskClient) -> None:
    first = asked.get(PATH)
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    assert "Set-Cookie" not in first.headers
    again = asked.get(PATH, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304


def test_it_changes_with_the_day_alone(said: Settings) -> None:
    morning = datetime(2026, 11, 28, tzinfo=UTC)
    assert security_txt(said, morning) == security_txt(said, morning + timedelta(hours=23))
    assert security_txt(said, morning) != security_txt(said, morning + timedelta(hours=24))


def test_without_https_it_names_no_address_of_its_own(said: Settings) -> None:
    plain = said.model_copy(update={"base_url": "http://localhost:8080"})
    assert "Canonical" not in security_txt(plain, datetime(2026, 11, 28, tzinfo=UTC))
