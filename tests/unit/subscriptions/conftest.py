"""Short ways to ask, on each of the two databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select

from service.models import Notification, Topic
from service.runtime import Runtime
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Ask, ask

ADDRESS = "ayse@example.com"


@pytest.fixture
def topic_ids(runtime: Runtime) -> list[int]:
    with runtime.db.read() as session:
        return list(session.scalars(select(Topic.id).order_by(Topic.position)))


@pytest.fixture
def ask_for(runtime: Runtime) -> Callable[..., str | None]:
    """Ask, and return the confirm token that the mail would carry (None: no mail)."""

    def run(choices: Choices | None = None, address: str = ADDRESS) -> str | None:
        wanted = Ask(
            address=address,
            choices=choices or Choices(),
            language="tr",
            consent_text="Rıza metni",
            origin="web",
            request_id="r1",
        )
        with runtime.db.write() as session:
            batch = ask(session, runtime.vault, wanted)
        if batch is None:
            return None
        with runtime.db.read() as session:
            payload = session.get_one(Notification, batch.notification_id).payload
        assert payload["template"] == "confirm"
        return runtime.vault.token("confirm", payload["token_id"])

    return run
