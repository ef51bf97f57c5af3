"""An article in planned batches, as a worker finds it; made outside of the memory of who sends."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from service.models import MailLane
from tests.bench.ledger.scene import LANES, Scene, one_scene
from tests.bench.mail.letters import SUMMARY, TITLE
from tests.bench.mail.ours import LINKS
from workers.plan import plan_notification


@contextmanager
def planned(
    count: int, lanes: tuple[str, ...] = LANES, *, is_postgresql: bool = False
) -> Iterator[dict[str, str]]:
    """An article that so many wait for, in batches; the environment of who is to deliver it."""
    with one_scene((count,), lanes, is_postgresql=is_postgresql) as scene:
        yield plan(scene, count)


def plan(scene: Scene, count: int) -> dict[str, str]:
    """As `planned`, of a scene that is there; its lanes bear as many links as the pipeline alone
    has."""
    with scene.runtime.db.write() as session:
        for lane in scene.lanes:
            session.merge(MailLane(name=lane, links=LINKS))
    plan_notification(scene.runtime, scene.news(count, TITLE, SUMMARY))
    scene.tidy()
    return os.environ | scene.environment | {"TELLAL_BASE_URL": "https://haber.example.org"}
