"""Signing in without the link that the mail brings: what a browser holds after it was opened."""

from __future__ import annotations

import re
import time

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from service.models import Destination
from service.runtime import Runtime


def enter(client: FlaskClient, runtime: Runtime, destination_id: int) -> None:
    """Make this browser one of the destination's person."""
    with runtime.db.read() as session:
        mark = session.get_one(Destination, destination_id).address_hash[:16]
    with client.session_transaction() as cookie:
        cookie["person"] = [destination_id, mark, int(time.time())]


def press(client: FlaskClient, page: TestResponse, path: str, **answers: object) -> TestResponse:
    """Send a form of a page to a path, with its CSRF token."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    return client.post(path, data={"csrf_token": token[1], **answers})
