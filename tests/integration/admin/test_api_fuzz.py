"""What OpenAPI promises of the staff's API, tried by schemathesis at every operation: in a filled
town, with an administrator's key, no 5xx, and no status that the document does not describe."""

from __future__ import annotations

import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance

from service.admin.api import entering
from tests.integration.admin.walking import prepared

CHOSEN = os.environ.get("FUZZ_BODIES")
EXAMPLES = 6 if CHOSEN is None else max(6, int(CHOSEN) // 100)
CHECKS = [not_a_server_error, status_code_conformance]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
@pytest.mark.timeout(3600)
def test_every_operation_answers_as_the_document_says(
    app: Any, runtime: Any, program: Any, monkeypatch: pytest.MonkeyPatch, say: Any
) -> None:
    monkeypatch.setattr(entering, "PER_KEY", "1000000 per minute")
    key = program("administrator")
    real = {name: str(value) for name, value in prepared(runtime).items()}
    api = schemathesis.openapi.from_wsgi("/openapi.json", app)
    operations = [one.ok() for one in api.get_all_operations()]
    wrong: dict[str, str] = {}
    answers: Counter[int] = Counter()

    for operation in operations:
        if "/v1/admin/" not in operation.label:
            continue
        try:
            answers += _tried(operation, real, key.headers)
        except BaseExceptionGroup as group:
            wrong[operation.label] = "; ".join(str(one) for one in group.exceptions)
        except AssertionError as error:
            wrong[operation.label] = str(error)

    say(", ".join(f"{count} × {status}" for status, count in sorted(answers.items())))
    assert not wrong, "\n\n".join(f"{label}: {text}" for label, text in wrong.items())
    assert {200, 404, 409, 412, 422} <= set(answers)


def _tried(operation: Any, real: dict[str, str], key: dict[str, str]) -> Counter[int]:
    """How often each status was the answer."""
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
        turn = sum(answers.values()) % 4
        if turn:  # else what it made up itself
            case.path_parameters.update(
                {name: real.get(name, "1") for name in case.path_parameters}
            )
        match = {1: {"If-Match": "*"}, 2: {"If-Match": '"none"'}}.get(turn, {})
        answer = case.call_and_validate(checks=CHECKS, headers={**key, **match})
        answers[answer.status_code] += 1

    check()
    return answers
