"""An installation that may be asked how it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import redis
from apiflask import APIFlask
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from service.ledger.batches import TASK_OF
from service.metrics import page
from service.models import Batch, DestinationKind
from service.runtime import Runtime
from service.settings import Settings
from service.tasks import Task
from service.telemetry import beats, meters
from tests.integration.town import Town
from workers.plan import release_and_ring
from workers.stages import STAGES, at_the_border

TOKEN = "a token of tests alone"
Found = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Scrape:
    """What a scrape said: `scrape("name", label="value")` is a number, or None."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = list(text_string_to_metric_families(text))
        self.samples: Found = {
            (one.name, tuple(sorted(one.labels.items()))): one.value
            for family in self.families
            for one in family.samples
        }

    def __call__(self, sample: str, /, **labels: str) -> float | None:
        return self.samples.get((sample, tuple(sorted(labels.items()))))


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """With a token, and nothing counted yet in the Redis of this run."""
    monkeypatch.setattr(page, "KEPT_S", 0.0)
    client = redis.Redis.from_url(settings.redis_url.get_secret_value())
    client.delete(meters.KEY, beats.KEY)
    client.close()
    return settings.model_copy(update={"metrics_token": SecretStr(TOKEN)})


@pytest.fixture
def scrape(client: FlaskClient) -> Callable[[], Scrape]:
    """Asks as Prometheus does."""

    def scrape(client: FlaskClient = client) -> Scrape:
        answer = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, answer.text
        assert answer.content_type.startswith("text/plain; version=0.0.4")
        return Scrape(answer.text)

    return scrape


@pytest.fixture
def told(town: Town, runtime: Runtime, clock: Any) -> Callable[[int], None]:
    """Takes a revision all the way, as the workers do: its readers are told."""

    def told(revision_id: int) -> None:
        STAGES[Task.CLASSIFY_REVISION](runtime, revision_id)
        (notification,) = town.news()
        clock.advance(minutes=10)  # its hold
        at_the_border("release", release_and_ring)(runtime, notification.id)
        STAGES[Task.PLAN_NOTIFICATION](runtime, notification.id)
        for batch in town.all(Batch):
            STAGES[TASK_OF[DestinationKind(batch.kind)]](runtime, batch.id)

    return told


@pytest.fixture
def other_app(settings: Settings) -> Any:
    """A second web process of the same installation."""
    from service.app import create_app

    app: APIFlask = create_app(settings)
    yield app
    app.extensions["tellal"].close()
