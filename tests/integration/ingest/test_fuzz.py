"""Thousands of made-up bodies, properly signed, at the door of canonical and foreign presets.

No answer is a 5xx, no answer is more than what was stored, and nothing is stored that breaks the
canonical rules. The same bodies in every run; `make fuzz` tries others, FUZZ_BODIES of them.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from service.ingest.routes import ANSWERED
from service.ingest.signatures import new_secret
from service.models import Article, InboxEvent, Revision, Source, Verdict
from service.runtime import Runtime
from tests.integration.ingest.conftest import SITE, load_recording
from tests.integration.ingest.mutations import ARTICLE, mutated
from tests.integration.ingest.signers import IDENTIFIER, sign
from tests.integration.ingest.stored_rules import broken_rules
from tests.integration.ingest.test_presets_at_the_door import FILES

CHOSEN = os.environ.get("FUZZ_BODIES")
BODIES = int(CHOSEN or 10_000)
ROWS = text("""
    SELECT (SELECT count(*) FROM inbox), (SELECT count(*) FROM article),
           (SELECT count(*) FROM revision), (SELECT count(*) FROM notification)
""")
REFUSALS = (400, 409, 422)  # 409: CloudEvents number their events in the body
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def tried(count: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return settings(
        max_examples=count,
        derandomize=CHOSEN is None,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )


@dataclass
class Door:
    """Posts as one source of each preset does, and compares each answer with what was stored."""

    client: FlaskClient
    runtime: Runtime
    secrets: dict[str, str] = field(default_factory=dict)
    answers: Counter[str] = field(default_factory=Counter)

    def open(self, slug: str, preset: str, scheme: str) -> None:
        self.secrets[slug] = new_secret()
        row = Source(
            slug=slug,
            preset=preset,
            scheme=scheme,
            identifier=IDENTIFIER,
            base_url=SITE,
            rate_per_minute=1_000_000,
            sealed_secret=self.runtime.vault.encrypt(self.secrets[slug]),
        )
        with self.runtime.db.write() as session:
            session.add(row)

    def post(self, slug: str, scheme: str, body: bytes, headers: dict[str, str]) -> None:
        """Post, and check answer and rows."""
        number = sum(self.answers.values())
        proof = sign(scheme, self.secrets[slug], body, f"fuzz-{number}")
        given = {name.lower() for name in proof}
        others = {name: value for name, value in headers.items() if name.lower() not in given}
        before = self._rows()
        answer = self.client.post(
            f"/v1/sources/{slug}/articles",
            data=body,
            headers={**others, **proof},
        )
        self.answers[str(answer.status_code)] += 1
        after = self._rows()
        if answer.status_code == 202:
            assert after[0] == before[0] + 1
            self._check_stored(answer.json)
            return
        assert after == before
        assert answer.status_code in REFUSALS or answer.status_code == 200, answer.text
        assert (answer.mimetype == "application/problem+json") is (answer.status_code != 200)

    def _rows(self) -> tuple[int, ...]:
        with self.runtime.db.read() as session:
            return tuple(session.execute(ROWS).one())

    def _check_stored(self, answer: dict[str, Any]) -> None:
        with self.runtime.db.read() as session:
            event = session.query(InboxEvent).order_by(InboxEvent.id.desc()).first()
            assert event is not None
            assert not event.reason.startswith("broke on our side"), event.reason
            verdict = Verdict(event.verdict)
            assert answer["status"] == ANSWERED.get(verdict, verdict)
            assert answer["article_id"] == event.article_id
            assert answer["revision"] == event.revision_id
            if event.article_id is None or event.revision_id is None:
                return
            article = session.get_one(Article, event.article_id)
            revision = session.get_one(Revision, event.revision_id)
            assert broken_rules(article, revision) == []


@pytest.fixture
def at_the_door(client: FlaskClient, runtime: Runtime, say: Callable[[str], None]) -> Any:
    door = Door(client, runtime)
    yield door
    said = ", ".join(f"{count} × {status}" for status, count in sorted(door.answers.items()))
    say(f"{sum(door.answers.values())} made-up bodies at {len(door.secrets)} sources: {said}")


@only_sqlite
@pytest.mark.timeout(3600)
def test_made_up_articles_are_refused_or_stored_whole_and_clean(at_the_door):
    at_the_door.open("tellal", "tellal", "standard")

    @tried(BODIES // 2)
    @given(body=mutated(ARTICLE))
    def check(body: bytes) -> None:
        at_the_door.post("tellal", "standard", body, {"Content-Type": "application/json"})

    check()


@only_sqlite
@pytest.mark.timeout(3600)
def test_made_up_events_of_cmss_are_refused_or_stored_whole_and_clean(at_the_door):
    samples = []
    for name, preset, scheme, *_ in FILES:
        if preset not in at_the_door.secrets:
            at_the_door.open(preset, preset, scheme)
        sent = load_recording(name)
        bodies = mutated(json.loads(sent.body))
        rest = st.tuples(st.just(scheme), bodies, st.just(sent.own_headers))
        samples.append(st.tuples(st.just(preset), rest))

    @tried(BODIES - BODIES // 2)
    @given(event=st.one_of(samples))
    def check(event: tuple[str, tuple[str, bytes, dict[str, str]]]) -> None:
        preset, rest = event
        at_the_door.post(preset, *rest)

    check()
