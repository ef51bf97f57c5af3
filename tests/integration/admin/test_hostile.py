"""Hostile values in every field, filter and address of the staff's pages: no answer is a 500."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from apiflask import APIFlask
from flask import url_for

import service
from service.runtime import Runtime
from tests.integration.admin.conftest import csrf_of
from tests.integration.admin.examples import all_examples
from tests.integration.admin.walking import prepared

Browser = Any
HOSTILE = (
    "a\x00b",
    "99999999999999999999999",
    "-9223372036854775808",
    "9223372036854775807",
    "\u0665\u0665",  # digits of another script
    "NaN",
    "<script>{{ 7 * 7 }}%00%ff'\"--;\\",
    "9999-12-31",
    "0001-01-01",
    "x" * 50_000,
)
SAFE = {"GET", "HEAD", "OPTIONS"}
ENDS = ("security.", "sign_in_", "accounts.", "me.", "entrance.", "api_keys.")  # leave or lock out


def names_of_filters() -> list[str]:
    """Every name that a page of the staff reads from its address."""
    folder = Path(service.__file__).parent / "admin"
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    found = re.findall(r"request\.(?:args|values)\.(?:get|getlist)\(\"(\w+)\"", text)
    return sorted({*found, "article", "notification", "reader", "staff", "act", "object"})


def pages(app: APIFlask, values: dict[str, Any], *, changes: bool) -> Iterator[tuple[str, str]]:
    """The addresses of what is read, or of what is changed, by endpoint."""
    for rule in app.url_map.iter_rules():
        methods = (rule.methods or set()) - SAFE
        if not rule.rule.startswith("/staff") or rule.endpoint.startswith(ENDS):
            continue
        if changes == bool(methods) and (changes or "GET" in (rule.methods or ())):
            yield (
                rule.endpoint,
                url_for(rule.endpoint, **{name: values.get(name, 1) for name in rule.arguments}),
            )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.timeout(600)
def test_no_filter_of_any_page_breaks_it(
    app: APIFlask, runtime: Runtime, signed_in: Callable[[str], Browser]
) -> None:
    client, broken = signed_in("administrator").client, []
    values = prepared(runtime)
    with app.test_request_context():
        found = list(pages(app, values, changes=False))
        far = list(pages(app, dict.fromkeys(values, 2**63 - 1), changes=False))
    filters = names_of_filters()
    assert len(found) > 50
    tried = [(path, hostile) for hostile in HOSTILE[:-1] for _, path in found]
    for path, hostile in [*tried, *((path, "") for _, path in far)]:
        answer = client.get(path, query_string=dict.fromkeys(filters, hostile))
        said = answer.text[:80]  # exports are streamed: an error may come late
        if answer.status_code >= 500:
            broken.append((path, hostile, said))
    assert not broken, broken


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.timeout(600)
def test_no_field_of_any_form_breaks_it(
    app: APIFlask, runtime: Runtime, signed_in: Callable[[str], Browser]
) -> None:
    browser, examples, broken = signed_in("administrator"), all_examples(), []
    values = prepared(runtime)
    with app.test_request_context():
        found = list(pages(app, values, changes=True))
    token = csrf_of(browser.get("/staff/"))
    for turn, hostile in enumerate(HOSTILE[::2] + HOSTILE[-1:]):
        for endpoint, path in found:
            known = {
                name: value for name, value in examples[endpoint].body.items() if name != "file"
            }
            some = list(known)[turn % len(known) :: 2] if known else []
            sent = {**known, **dict.fromkeys(some, hostile), "csrf_token": token}
            answer = browser.client.post(path, data=sent)
            if answer.status_code >= 500:
                broken.append((path, some, hostile[:40], answer.text[:80]))
    assert not broken, broken
