"""The whole way: a letter to a real Postfix, its delivery report, the intake, the suppression."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from pydantic import SecretStr

from service.models import Bounce, BounceVerdict, DeliveryState, Suppression
from tests.integration.email.intake import listening
from tests.integration.email.postfix import Postfix, free_port, postfix
from workers.email import lmtp as intake
from workers.email import send_email_batch

ANSWERS = {
    "yok@strict.example": "550 5.1.1 <yok@strict.example>: unknown user",
    "dolu@strict.example": "552 5.2.2 mailbox full",
    "imza@strict.example": "550 5.7.26 unauthenticated",
}
ARRIVES_WITHIN_S = 60.0


class Strict:
    """The mail server of a domain, which refuses some of its people."""

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if address in ANSWERS:
            return ANSWERS[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        return "250 taken"


@pytest.fixture
def strict() -> Iterator[int]:
    server = Controller(Strict(), hostname="127.0.0.1", port=free_port())
    server.start()
    yield server.port
    server.stop()


@pytest.fixture
def came_back(monkeypatch) -> threading.Semaphore:
    """Released each time that a message has been taken, after its commit."""
    taken = threading.Semaphore(0)
    real = intake.take

    def take(*what: Any) -> bool:
        done = real(*what)
        taken.release()
        return done

    monkeypatch.setattr(intake, "take", take)
    return taken


@pytest.fixture
def relay(runtime, strict, came_back) -> Iterator[Postfix]:
    with (
        listening(runtime) as port,
        postfix(
            {
                "strict.example": f"smtp:[127.0.0.1]:{strict}",
                "tellal.example": f"lmtp:inet:127.0.0.1:{port}",
            }
        ) as relay,
    ):
        yield relay


def test_what_a_postfix_bounces_comes_back_and_nobody_writes_there_again(
    runtime, town, relay, came_back
):
    readers = {
        address: town.reader(address=address) for address in (*ANSWERS, "iyi@strict.example")
    }
    settings = runtime.settings.model_copy(update={"smtp_url": SecretStr(relay.url)})
    sending = replace(runtime, settings=settings)

    def tell() -> dict[int, DeliveryState]:
        notification = town.planned()
        for batch in town.batches(notification):
            send_email_batch(sending, batch)
        return town.states(notification)

    assert set(tell().values()) == {DeliveryState.SENT}  # the relay has taken them all
    for _ in ANSWERS:
        assert came_back.acquire(timeout=ARRIVES_WITHIN_S), relay.log

    found = {row.destination_id: (row.verdict, row.status) for row in town.all(Bounce)}
    gone, full, unsigned, well = readers.values()
    assert found == {
        gone: (BounceVerdict.HARD, "5.1.1"),
        full: (BounceVerdict.SOFT, "5.2.2"),
        unsigned: (BounceVerdict.OURS, "5.7.26"),
    }
    assert [one.reason for one in town.all(Suppression)] == ["hard bounce"]
    again = tell()
    assert again.pop(gone) == DeliveryState.SUPPRESSED
    assert again == dict.fromkeys((full, unsigned, well), DeliveryState.SENT)
    assert town.findings() == []
