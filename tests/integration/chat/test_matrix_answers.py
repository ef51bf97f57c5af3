"""What answers of a homeserver mean: those that a healthy one never gives, from a double."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.models import Channel, Delivery, DeliveryAnswer, DeliveryState
from tests.integration.chat_peers import Peer
from workers.chat import send_chat_batch

SENT, DEFERRED, REJECTED = DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.REJECTED
LIMITED = {"errcode": "M_LIMIT_EXCEEDED"}
MINUTES = 300.0  # our own first wait


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("answer", "state", "said", "wait_s", "pauses"),
    [
        ((404, {}), DEFERRED, "404, not as Matrix", MINUTES, False),
        ((403, {"error": "waf"}), DEFERRED, "403, not as Matrix", MINUTES, False),
        ((403, {"errcode": "<b>"}), DEFERRED, "403, not as Matrix", MINUTES, False),
        ((403, {"errcode": ["M_FORBIDDEN"]}), DEFERRED, "403, not as Matrix", MINUTES, False),
        ((403, {"errcode": "M_FORBIDDEN"}), REJECTED, "403 M_FORBIDDEN", None, True),
        ((413, {"errcode": "M_TOO_LARGE"}), REJECTED, "413 M_TOO_LARGE", None, False),
        ((502, {}), DEFERRED, "502", MINUTES, False),
        ((500, {"errcode": "M_UNKNOWN"}), DEFERRED, "500 M_UNKNOWN", MINUTES, False),
        ((200, {}), DEFERRED, "the answer has no event_id", MINUTES, False),
        ((200, {"event_id": 7}), DEFERRED, "the answer has no event_id", MINUTES, False),
        ((429, {**LIMITED, "retry_after_ms": 7500}), DEFERRED, "429 M_LIMIT", 7.5, False),
        ((429, {**LIMITED, "retry_after_ms": -1}), DEFERRED, "429 M_LIMIT", MINUTES, False),
        ((429, {**LIMITED, "retry_after_ms": 1e300}), DEFERRED, "429 M_LIMIT", MINUTES, False),
        ((429, {**LIMITED, "retry_after_ms": True}), DEFERRED, "429 M_LIMIT", MINUTES, False),
        ((429, {**LIMITED, "retry_after_ms": "5"}), DEFERRED, "429 M_LIMIT", MINUTES, False),
        ((429, LIMITED), DEFERRED, "429 M_LIMIT", MINUTES, False),
    ],
)
def test_an_answer_is_one_of_the_homeserver_or_none(
    town, runtime, answer, state, said, wait_s, pauses
) -> None:
    with Peer().running() as peer:
        peer.answer = lambda asked: answer
        channel = town.channel(f"matrix://syt_x@{peer.host}/!room:home.example")
        told = town.planned()
        for batch in town.batches(told):
            send_chat_batch(runtime, batch)

    assert town.states(told) == {channel: state}
    assert said in town.all(DeliveryAnswer)[0].detail
    (row,) = town.all(Delivery)
    waits = row.due_at - row.settled_at if row.due_at else None
    assert waits == (timedelta(seconds=wait_s) if wait_s else None)
    assert town.all(Channel)[0].is_paused == pauses
    assert "syt_x" not in town.all(Channel)[0].pause_reason
    assert town.findings() == []
