"""Pages that everybody may see: cacheable, without cookies, each with its headers."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from pydantic import SecretStr

from service.app import create_app
from service.db import utcnow
from service.ledger.publish import stamp_feeds
from service.models import (
    Article,
    ArticleState,
    LabelOrigin,
    LabelState,
    MailboxMessage,
    Revision,
    Source,
    TopicLabel,
)
from service.runtime import Runtime
from service.settings import Settings

PAGES = ["/", "/privacy", "/docs", "/subscribe", "/check-email", "/dev/mailbox", "/no-such-page"]


def publish(runtime: Runtime, title: str, number: int, state: LabelState, age_h: int = 0) -> None:
    with runtime.db.write() as session:
        source = Source(slug=f"s{number}", sealed_secret="x")
        session.add(source)
        session.flush()
        article = Article(
            source_id=source.id,
            external_id="1",
            state=ArticleState.PUBLISHED,
            published_at=utcnow() - timedelta(hours=age_h),
        )
        session.add(article)
        session.flush()
        revision = Revision(
            article_id=article.id,
            content_hash="h",
            url="https://city.example/haber",
            title=title,
            summary="",
            body_html="",
            body_text="",
        )
        session.add(revision)
        session.flush()
        article.revision_id = article.shown_revision_id = revision.id
        label = TopicLabel(
            revision_id=revision.id,
            topic_id=1,
            state=state,
            origin=LabelOrigin.CLASSIFIER,
            score=0.9,
        )
        session.add(label)
        session.flush()
        stamp_feeds(session, article.id, utcnow())


@pytest.mark.parametrize("prefix", ["", "/en"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_its_headers_language_and_title(
    client: FlaskClient, path: str, prefix: str
) -> None:
    answer = client.get(prefix + path)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert f'<html lang="{"en" if prefix else "tr"}">' in answer.text
    assert re.search(r"<title>\S.*</title>", answer.text)
    assert answer.text.count("<h1") == 1
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    sources = re.findall(r'<(?:link|img|iframe)[^>]+(?:href|src)="([^"]+)"', answer.text)
    own = re.findall(r'<link rel="(?:canonical|alternate)"[^>]* href="([^"]+)"', answer.text)
    assert all(source.startswith("/") for source in sources if source not in own)
    base = "http://localhost:8080/"
    assert all(address.startswith((base, "/feeds/")) for address in own)
    assert len(own) >= (0 if answer.status_code == 404 else 4)


@pytest.mark.parametrize("path", ["/", "/en/", "/privacy", "/docs"])
def test_public_pages_are_cacheable_and_set_no_cookie(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["Cache-Control"].startswith("public")
    assert "Set-Cookie" not in answer.headers
    assert "Cookie" not in answer.headers.get("Vary", "")


def test_the_front_page_shows_the_newest_published_headline(
    runtime: Runtime, client: FlaskClient
) -> None:
    """By its own time: what came in later, or changed later, may be older."""
    publish(runtime, "Yeni <b>haber", 1, LabelState.PUBLISHED, age_h=1)
    publish(runtime, "Eski haber", 2, LabelState.PUBLISHED, age_h=30)
    publish(runtime, "İncelenen haber", 3, LabelState.REVIEW)
    page = client.get("/").text
    assert "Yeni &lt;b&gt;haber" in page
    assert "Eski haber" not in page
    assert "İncelenen haber" not in page
    assert "/feeds/iklim-cevre.rss" in page


def test_api_errors_stay_machine_readable(client: FlaskClient) -> None:
    assert client.get("/v1/no-such-thing").mimetype == "application/problem+json"


def test_a_broken_page_is_a_friendly_page(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("service.citizen.topics.latest_headlines", fail)
    answer = app.test_client().get("/")
    assert answer.status_code == 500
    assert "Özür dileriz" in answer.text
    assert "secret detail" not in answer.text


def test_the_docs_page_names_every_operation(client: FlaskClient) -> None:
    spec = client.get("/openapi.json").json
    page = client.get("/docs").text
    assert spec["paths"]
    for path in spec["paths"]:
        assert path in page
    own = [path for path in spec["paths"] if not path.startswith("/v1/admin/")]
    assert not any("staff" in path or "subscribe" in path for path in own)


def test_the_mailbox_shows_a_mail_without_trusting_it(
    runtime: Runtime, client: FlaskClient
) -> None:
    raw = (
        b"Subject: Merhaba\r\nTo: a@example.com\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        b"--b\r\nContent-Type: text/plain\r\n\r\nSee http://localhost/confirm/abc <script>\r\n"
        b"--b\r\nContent-Type: text/html\r\n\r\n<p>Hi</p><script>alert(1)</script>\r\n--b--\r\n"
    )
    with runtime.db.write() as session:
        mail = MailboxMessage(message_id="1", recipient="a@example.com", subject="Merhaba", raw=raw)
        session.add(mail)
    assert "Merhaba" in client.get("/dev/mailbox").text
    page = client.get("/dev/mailbox/1").text
    assert 'href="http://localhost/confirm/abc"' in page
    assert "<script" not in page
    html = client.get("/dev/mailbox/1/html")
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert "allow-scripts" not in html.headers["Content-Security-Policy"]
    assert client.get("/dev/mailbox/1/raw").mimetype == "text/plain"
    assert client.get("/dev/mailbox/2").status_code == 404


def test_there_is_no_mailbox_beside_a_mail_server(settings: Settings) -> None:
    configured = settings.model_copy(update={"smtp_url": SecretStr("smtp://mail.example:25")})
    app = create_app(configured)
    for path in ("/dev/mailbox", "/en/dev/mailbox", "/dev/mailbox/1"):
        assert app.test_client().get(path).status_code == 404
    app.extensions["tellal"].close()
