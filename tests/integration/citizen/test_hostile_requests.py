"""Requests that no page of ours would make: each gets a clear answer, and none an error of ours."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest

from service.app import MAX_FORM_BYTES

NUMBERS = ("0", str(2**63 - 1), str(2**63), "-1", "9" * 4400, "٣", "1e9")
TEXTS = ("\0", "\ufeff\u202e\u200b", "'\"*() OR NEAR(", "<script>", "١٢", "0000-00-00", "x" * 9000)
FIELDS = (
    *("email", "code", "room", "date", "from", "language", "scheme", "back", "step", "topics"),
    *("places", "frequency", "wrong", "what", "server", "choices", "go", "consent", "size"),
)
BODIES = (
    (b"\xff\xfe=\xc3&email=\xff&email=%ff", "application/x-www-form-urlencoded"),
    (b"&".join(b"f%d=1" % number for number in range(3000)), "application/x-www-form-urlencoded"),
    (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
    (b"{}", "application/json"),
    (b"email=1", "text/plain; charset=\xff"),
)


@pytest.fixture
def pages(app: Any) -> list[Any]:
    """The rules of all pages. What a form without its token can do is another test's question."""
    app.config["WTF_CSRF_ENABLED"] = False
    return [rule for rule in app.url_map.iter_rules() if not rule.rule.startswith(("/v1", "/en"))]


def posts(pages: list[Any], number: int) -> Iterator[str]:
    for rule in pages:
        if "POST" in rule.methods and rule.rule not in ("/my/erase", "/sign-out"):
            path = re.sub(r"<int:[^>]*>", str(number), rule.rule.replace("<kind>", "ntfy"))
            yield re.sub(r"<[^>]*>", "abc", path)


def test_no_number_in_an_address_breaks_a_page(resident: Any, pages: list[Any]) -> None:
    broken = []
    for rule in pages:
        if "<int:" in rule.rule:
            for number in NUMBERS:
                path = re.sub(r"<int:[^>]*>", number, rule.rule).replace("<slug>", "x")
                for method in rule.methods - {"OPTIONS"}:
                    answer = resident.client.open(path, method=method)
                    if answer.status_code >= 500:
                        broken.append((method, path[:80]))
    assert broken == []


def test_no_text_in_a_form_breaks_a_page(resident: Any, pages: list[Any]) -> None:
    broken = []
    for path in posts(pages, resident.live()[0].id):
        for text in TEXTS:
            data = {name: [text, text] for name in FIELDS} | {"until": "date"}
            if resident.client.post(path, data=data).status_code >= 500:
                broken.append((path, text[:20]))
        for body, kind in BODIES:
            answer = resident.client.post(path, data=body, content_type=kind)
            if answer.status_code >= 500:
                broken.append((path, kind))
    assert broken == []


def test_a_file_that_a_stranger_sends_is_not_kept(client: Any) -> None:
    """It would go to this machine's disk, whatever its size."""
    for path in ("/subscribe", "/embed", "/sign-in", "/display", "/staff/login"):
        file = (io.BytesIO(b"x" * (MAX_FORM_BYTES + 1)), "large.bin")
        assert client.post(path, data={"choices": file}).status_code == 413


def test_a_one_click_post_may_bring_anything(client: Any, unsubscribe_token: str) -> None:
    """Its body is not looked at."""
    answer = client.post(
        f"/u/{unsubscribe_token}",
        data=b"x" * (MAX_FORM_BYTES + 1),
        content_type="application/x-www-form-urlencoded",
    )
    assert (answer.status_code, "Ayrıldınız" in answer.text) == (200, True)
