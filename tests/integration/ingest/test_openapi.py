"""What OpenAPI promises, tried by schemathesis at every operation: no 5xx, and no answer that the
document does not describe. Requests to a source are signed on their way, as its CMS would."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import schemathesis
from apiflask import APIFlask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import update

from service.db import utcnow
from service.ledger.publish import stamp_feeds
from service.models import Source
from tests.integration.ingest.signers import sign

CHOSEN = os.environ.get("FUZZ_BODIES")
EXAMPLES = 400 if CHOSEN is None else max(400, int(CHOSEN) // 20)
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
OPERATIONS = [
    *("GET /feeds/{key}.{suffix}", "GET /feeds/{key}/{part}.{suffix}"),
    *("GET /health/live", "GET /health/ready", "GET /v1/status/{token}"),
    *("POST /v1/sources/{slug}/articles", "POST /v1/sources/{slug}/try"),
]


def signing(app: APIFlask, secret: str) -> Callable[..., Iterable[bytes]]:
    """The application behind a CMS that signs whatever is posted to a source through it."""
    numbers: Counter[str] = Counter()

    def call(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"].startswith("/v1/sources/izmir/"):
            numbers["sent"] += 1
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length)
            environ["wsgi.input"] = io.BytesIO(body)
            for name, value in sign("standard", secret, body, f"m-{numbers['sent']}").items():
                environ["HTTP_" + name.upper().replace("-", "_")] = value
        return app(environ, start)

    return call


@pytest.fixture
def api(app, cms, town) -> Any:
    with town.runtime.db.write() as session:
        session.execute(update(Source).values(rate_per_minute=1_000_000))
    article_id = town.article()  # so that there is a feed, and an archive of it
    with town.runtime.db.write() as session:
        stamp_feeds(session, article_id, utcnow())
    return schemathesis.openapi.from_wsgi("/openapi.json", signing(app, cms.secret))


def test_the_document_describes_these_operations(api):
    found = {operation.ok().label for operation in api.get_all_operations()}
    found = {label for label in found if "/v1/admin" not in label}  # see tests/integration/admin

    assert found == set(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.timeout(3600)
def test_every_operation_answers_as_the_document_says(app, api, cms, label, say):
    (operation,) = [one.ok() for one in api.get_all_operations() if one.ok().label == label]
    real = {"slug": cms.slug, "key": "iklim-cevre", "suffix": "atom", "token": _status_token(cms)}
    feed = app.test_client().get("/feeds/iklim-cevre.json").get_json(force=True)
    real["part"] = feed["next_url"].rpartition("/")[2].removesuffix(".json")
    answers: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES,
        derandomize=CHOSEN is None,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: schemathesis.Case) -> None:
        if sum(answers.values()) % 4:  # else what it made up itself
            case.path_parameters.update({name: real[name] for name in case.path_parameters})
        answer = case.call_and_validate(checks=CHECKS)
        answers[answer.status_code] += 1

    check()
    said = ", ".join(f"{count} × {status}" for status, count in sorted(answers.items()))
    say(f"{label}: {said}")
    assert {200, 202} & set(answers)


def _status_token(cms: Any) -> str:
    return str(cms.post().json["status_url"]).rpartition("/")[2]
