"""No secret of a source or a channel is in a page, an answer, a log or the log of acts: a walk of
everything that shows them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from sqlalchemy import select

from service import logs
from service.models import AuditEntry
from service.runtime import Runtime

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
MARK = "gizli0mark3r"
WAYS = re.compile(r"^(/en)?/(staff|v1/admin)/(sources|channels)\b")
SOURCES, CHANNELS = "/staff/sources", "/staff/channels"
ROOM = f"json://127.0.0.1:9/{MARK}?+X-Token={MARK}"


def shown_paths(app: APIFlask) -> list[str]:
    """Every page and answer about sources and channels, of the first of each."""
    return [
        re.sub(r"<[^>]*>", "1", rule.rule)
        for rule in app.url_map.iter_rules()
        if WAYS.match(rule.rule) and "GET" in (rule.methods or ())
    ]


def test_a_secret_is_nowhere_but_on_its_one_page(
    app: APIFlask,
    runtime: Runtime,
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure("DEBUG")
    browser, key = signed_in("administrator"), program()
    given = {"preset": "ghost", "secret": f"{MARK}-a", "api_token": f"{MARK}-b"}
    texts = [
        browser.post(SOURCES, f"{SOURCES}/new", slug="!", **given).text,
        browser.post(SOURCES, f"{SOURCES}/new", slug="kent", **given).text,
        browser.post(f"{SOURCES}/1/edit", version="*", api_token=f"{MARK}-c", hold_s="x").text,
        browser.post(f"{SOURCES}/1/edit", version="*", api_token=f"{MARK}-d").text,
        browser.post(f"{SOURCES}/1/rotate", version="*", secret=f"{MARK}\x07").text,
        browser.post(f"{SOURCES}/1/rotate", version="*", secret=f"{MARK}-e").text,
        browser.post(CHANNELS, f"{CHANNELS}/new", name="", url=ROOM, topics="all").text,
        browser.post(CHANNELS, f"{CHANNELS}/new", name="Oda", url=ROOM, topics="all").text,
        browser.post(f"{CHANNELS}/1/edit", version="*", name="", url=ROOM, topics="all").text,
        browser.post(f"{CHANNELS}/1/edit", version="*", name="Oda 2", topics="all").text,
        browser.post(f"{CHANNELS}/1/address", f"{CHANNELS}/1/address", url=ROOM + " ").text,
        browser.post(f"{CHANNELS}/1/address", f"{CHANNELS}/1/address", url=ROOM + "2").text,
        key.send("/v1/admin/sources", {"slug": "!", **given}).text,
        key.send("/v1/admin/channels", {"name": "", "url": ROOM}).text,
        key.send(
            "/v1/admin/channels/1", {"url": ROOM[:20] + " " + MARK}, "PATCH", If_Match="*"
        ).text,
    ]
    made = key.send(f"/v1/admin{SOURCES[6:]}/1/rotate", {}, If_Match="*").json["secret"]
    paths = shown_paths(app)
    assert len(paths) > 25
    for path in paths:
        answer = key.get(path) if path.startswith("/v1/") else browser.get(path)
        assert answer.status_code in (200, 404), path
        texts.append(answer.text)
    with runtime.db.read() as session:
        entries = session.scalars(select(AuditEntry)).all()
    assert {"source.add", "source.change", "source.rotate", "channel.add", "channel.offer"} <= {
        entry.act for entry in entries
    }
    texts += [str(entry.detail) for entry in entries]
    captured = capsys.readouterr()
    assert "channel.change" in captured.out + captured.err  # the log is there
    texts += [captured.out, captured.err]
    for text in texts:
        assert MARK not in text, text[:2000]
        assert made not in text
