"""Leaving: one click, everything, undo; the token outlives what it names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from service.db import utcnow
from service.models import Consent, ConsentAct, Subscription
from service.runtime import Runtime
from service.subscriptions import unsubscribe
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import confirm


@pytest.fixture
def subscriptions(
    runtime: Runtime, ask_for: Callable[..., str], topic_ids: list[int]
) -> list[Subscription]:
    """Three live subscriptions of one person."""
    token = ask_for(Choices(topic_ids=tuple(topic_ids[:3])))
    with runtime.db.write() as session:
        confirm(session, runtime.vault, token, "r")
    with runtime.db.read() as session:
        return list(session.scalars(select(Subscription).order_by(Subscription.id)))


def link(runtime: Runtime, row: Subscription) -> str:
    return runtime.vault.token("unsubscribe", 77, row.destination_id, row.id)


def live(runtime: Runtime) -> list[int]:
    with runtime.db.read() as session:
        rows = session.scalars(select(Subscription.id).where(Subscription.ended_at.is_(None)))
        return sorted(rows)


def act(runtime: Runtime, function: Callable[..., bool], token: str, **more: bool) -> bool:
    with runtime.db.write() as session:
        return function(session, runtime.vault, token, **more)


def acts(runtime: Runtime) -> list[str]:
    with runtime.db.read() as session:
        return [str(row.act) for row in session.scalars(select(Consent).order_by(Consent.id))]


def test_one_click_ends_what_the_mail_was_sent_for(
    runtime: Runtime, subscriptions: list[Subscription]
) -> None:
    first, *others = subscriptions
    assert act(runtime, unsubscribe.end_by_token, link(runtime, first))
    assert act(runtime, unsubscribe.end_by_token, link(runtime, first))  # twice is once
    assert live(runtime) == [row.id for row in others]
    assert acts(runtime).count(ConsentAct.WITHDRAWN) == 1


def test_an_authentic_token_without_rows_is_success(runtime: Runtime) -> None:
    token = runtime.vault.token("unsubscribe", 1, 2, 3)
    assert act(runtime, unsubscribe.end_by_token, token)
    with runtime.db.read() as session:
        leaving = unsubscribe.peek(session, runtime.vault, token)
    assert leaving is not None
    assert not leaving.is_live


@pytest.mark.parametrize("token", ["", "x", "ü", "abcdefghijklmnop"])
def test_a_text_that_we_did_not_sign_does_nothing(runtime: Runtime, token: str) -> None:
    assert not act(runtime, unsubscribe.end_by_token, token)
    assert not act(runtime, unsubscribe.undo, token)
    with runtime.db.read() as session:
        assert unsubscribe.peek(session, runtime.vault, token) is None


def test_a_token_ends_only_its_own_persons_subscription(
    runtime: Runtime, subscriptions: list[Subscription]
) -> None:
    stranger = runtime.vault.token("unsubscribe", 1, 999, subscriptions[0].id)
    act(runtime, unsubscribe.end_by_token, stranger)
    assert len(live(runtime)) == 3


def test_undo_reopens_what_the_link_ended(
    runtime: Runtime, subscriptions: list[Subscription]
) -> None:
    token = link(runtime, subscriptions[0])
    act(runtime, unsubscribe.end_by_token, token)
    assert act(runtime, unsubscribe.undo, token)
    assert not act(runtime, unsubscribe.undo, token)
    assert len(live(runtime)) == 3
    assert acts(runtime)[-1] == ConsentAct.CONFIRMED


def test_undo_of_everything_leaves_earlier_ends_alone(
    runtime: Runtime, subscriptions: list[Subscription]
) -> None:
    first, second, _ = subscriptions
    act(runtime, unsubscribe.end_by_token, link(runtime, first))
    act(runtime, unsubscribe.end_all_by_token, link(runtime, second))
    assert live(runtime) == []
    assert act(runtime, unsubscribe.undo, link(runtime, second), everything=True)
    assert live(runtime) == [row.id for row in subscriptions[1:]]


def test_undo_ends_with_the_time_that_the_address_is_kept(
    runtime: Runtime, subscriptions: list[Subscription]
) -> None:
    token = link(runtime, subscriptions[0])
    act(runtime, unsubscribe.end_by_token, token)
    with runtime.db.write() as session:
        long_ago = utcnow() - unsubscribe.UNDO_WITHIN - timedelta(minutes=1)
        session.execute(
            update(Subscription).where(Subscription.ended_at.is_not(None)).values(ended_at=long_ago)
        )
    assert not act(runtime, unsubscribe.undo, token)


def test_undo_does_not_double_a_choice_made_anew(
    runtime: Runtime, ask_for: Callable[..., str], subscriptions: list[Subscription]
) -> None:
    first = subscriptions[0]
    act(runtime, unsubscribe.end_by_token, link(runtime, first))
    again = ask_for(Choices(topic_ids=(first.topic_id or 0,)))
    with runtime.db.write() as session:
        confirm(session, runtime.vault, again, "r")
    assert not act(runtime, unsubscribe.undo, link(runtime, first))
    assert len(live(runtime)) == 3
