"""Every act of the staff, by page and by API, leaves its line in the log: a walk of the URL map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from apiflask import APIFlask
from flask import url_for
from sqlalchemy import select

from service.acts import broken_links
from service.models import AuditEntry
from service.runtime import Runtime
from tests.integration.admin.examples import all_examples

EXAMPLES = all_examples()
SAFE = {"GET", "HEAD", "OPTIONS"}
# Steps of a sign-in, which test_access.py and test_sign_in.py try.
SIGN_IN = ("security.", "sign_in_", "entrance.")


def acting_rules(app: APIFlask) -> dict[str, set[str]]:
    """The staff's routes that are not safe (RFC 9110, section 9.2.1), in the first language."""
    return {
        rule.endpoint: (rule.methods or set()) - SAFE
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith(("/staff", "/v1/admin"))
        and (rule.methods or set()) - SAFE
        and not rule.endpoint.startswith(SIGN_IN)
    }


def test_there_is_an_example_of_every_act(app: APIFlask) -> None:
    assert set(acting_rules(app)) == set(EXAMPLES)


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.parametrize("endpoint", sorted(EXAMPLES))
def test_what_was_done_is_in_the_log(
    app: APIFlask,
    runtime: Runtime,
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    endpoint: str,
) -> None:
    example = EXAMPLES[endpoint]
    values = example.prepare(runtime)
    with app.test_request_context():
        path = url_for(endpoint, **values)
    (method,) = acting_rules(app)[endpoint]
    if path.startswith("/v1/"):
        answer = program().send(path, dict(example.body), method, **example.headers)
    else:
        answer = signed_in("administrator").post(path, **example.body)
    assert answer.status_code < 400, answer.text
    with runtime.db.read() as session:
        entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        acts = [entry.act for entry in entries if entry.act != "staff.sign-in"]
        assert acts == ([example.act] if example.act else []), acts
        assert list(broken_links(session, runtime.vault)) == []
    assert all(entry.number for entry in entries)
