"""Double opt-in: what asking and confirming leave behind, once and for every address."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from service.db import utcnow
from service.models import (
    Consent,
    ConsentAct,
    Delivery,
    Destination,
    Frequency,
    Notification,
    OneTimeToken,
    Subscriber,
    Subscription,
    Suppression,
)
from service.runtime import Runtime
from service.subscriptions.addresses import address_hash
from service.subscriptions.choices import Choices
from service.subscriptions.subscribe import Confirmation, confirm, peek
from service.subscriptions.tokens import LinkState

AskFor = Callable[..., str | None]
ADDRESS = "ayse@example.com"


def count(runtime: Runtime, model: type, *where: object) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(model).where(*where))


def confirmed(runtime: Runtime, token: str) -> Confirmation:
    with runtime.db.write() as session:
        return confirm(session, runtime.vault, token, "r2")


def test_asking_makes_an_unverified_destination_and_proof(
    runtime: Runtime, ask_for: AskFor
) -> None:
    assert ask_for()
    with runtime.db.read() as session:
        destination = session.scalars(select(Destination)).one()
        consent = session.scalars(select(Consent)).one()
    assert destination.verified_at is None
    assert destination.address == ADDRESS
    assert consent.act == ConsentAct.ASKED
    assert consent.address_hash == address_hash(runtime.vault, "email", ADDRESS)
    assert len(consent.text_hash) == 64
    assert ADDRESS not in str(vars(consent))
    assert count(runtime, Subscription) == 0


def test_confirming_starts_each_choice_once(
    runtime: Runtime, ask_for: AskFor, topic_ids: list[int]
) -> None:
    token = ask_for(Choices(topic_ids=tuple(topic_ids[:2]), place_ids=(1, 2)))
    first, second = confirmed(runtime, token), confirmed(runtime, token)
    assert (first.state, second.state) == (LinkState.DONE, LinkState.USED)
    assert first.batch is not None
    assert second.batch is None
    assert count(runtime, Subscription, Subscription.ended_at.is_(None)) == 4
    assert count(runtime, Consent, Consent.act == ConsentAct.CONFIRMED) == 1
    assert count(runtime, Notification) == count(runtime, Delivery) == 2  # confirm and welcome
    with runtime.db.read() as session:
        assert session.scalars(select(Destination)).one().verified_at is not None


def test_everything_is_one_row_without_a_topic(runtime: Runtime, ask_for: AskFor) -> None:
    confirmed(runtime, ask_for(Choices()))
    with runtime.db.read() as session:
        row = session.scalars(select(Subscription)).one()
    assert (row.topic_id, row.place_id) == (None, None)


def test_a_known_address_adds_only_what_is_new(
    runtime: Runtime, ask_for: AskFor, topic_ids: list[int]
) -> None:
    confirmed(runtime, ask_for(Choices(topic_ids=(topic_ids[0],))))
    confirmed(runtime, ask_for(Choices(topic_ids=tuple(topic_ids[:3]))))
    assert count(runtime, Subscription) == 3
    assert count(runtime, Destination) == count(runtime, Subscriber) == 1


def test_another_frequency_ends_the_old_choice_and_starts_a_new_one(
    runtime: Runtime, ask_for: AskFor, topic_ids: list[int]
) -> None:
    first, second = topic_ids[:2]
    confirmed(runtime, ask_for(Choices((first, second), (1, 2))))
    confirmed(runtime, ask_for(Choices((first,), (1, 2), Frequency.DAILY)))
    confirmed(runtime, ask_for(Choices((first,), (1,), Frequency.DAILY, is_local_only=True)))
    confirmed(runtime, ask_for(Choices((first,), None, Frequency.DAILY)))
    with runtime.db.read() as session:
        rows = session.scalars(select(Subscription).order_by(Subscription.id)).all()
    live = {(r.topic_id, r.place_id, r.frequency, r.is_local_only) for r in rows if not r.ended_at}
    assert live == {
        (second, 1, Frequency.INSTANT, False),
        (second, 2, Frequency.INSTANT, False),
        (first, 1, Frequency.DAILY, True),
        (first, 2, Frequency.DAILY, False),
        (first, None, Frequency.DAILY, False),
    }
    ended = [(r.topic_id, r.place_id, r.frequency, r.end_reason) for r in rows if r.ended_at]
    assert ended == [
        (first, 1, Frequency.INSTANT, "changed"),
        (first, 2, Frequency.INSTANT, "changed"),
        (first, 1, Frequency.DAILY, "changed"),
    ]


def test_two_confirmations_at_once_leave_one_live_choice(runtime: Runtime, ask_for: AskFor) -> None:
    """Links of two addresses cannot clash; one address has one link, pressed from two devices."""
    confirmed(runtime, ask_for(Choices()))
    token = ask_for(Choices(frequency=Frequency.DAILY))
    together = threading.Barrier(3)

    def run() -> None:
        together.wait(10)
        confirmed(runtime, token)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert count(runtime, Subscription) == 2
    assert count(runtime, Subscription, Subscription.ended_at.is_(None)) == 1
    assert count(runtime, Subscription, Subscription.end_reason == "changed") == 1


def test_only_the_newest_link_works(runtime: Runtime, ask_for: AskFor) -> None:
    old, new = ask_for(), ask_for()
    assert confirmed(runtime, old).state is LinkState.EXPIRED
    assert confirmed(runtime, new).state is LinkState.DONE


def test_a_link_dies_after_seven_days(runtime: Runtime, ask_for: AskFor) -> None:
    token = ask_for()
    with runtime.db.write() as session:
        session.execute(update(OneTimeToken).values(expires_at=utcnow() - timedelta(seconds=1)))
    assert confirmed(runtime, token).state is LinkState.EXPIRED
    assert count(runtime, Subscription) == 0


@pytest.mark.parametrize("token", ["", "x", "ü", "abcdefgh", "a" * 500])
def test_a_text_that_we_did_not_sign_is_unknown(runtime: Runtime, token: str) -> None:
    assert confirmed(runtime, token).state is LinkState.UNKNOWN


def test_a_token_of_another_purpose_is_unknown(runtime: Runtime, ask_for: AskFor) -> None:
    ask_for()
    assert confirmed(runtime, runtime.vault.token("unsubscribe", 1)).state is LinkState.UNKNOWN


def test_an_authentic_link_without_its_row_has_expired(runtime: Runtime) -> None:
    assert confirmed(runtime, runtime.vault.token("confirm", 999)).state is LinkState.EXPIRED


def test_looking_changes_nothing(runtime: Runtime, ask_for: AskFor) -> None:
    token = ask_for()
    with runtime.db.read() as session:
        assert peek(session, runtime.vault, token).state is LinkState.OPEN
    assert count(runtime, Subscription) == 0
    assert confirmed(runtime, token).state is LinkState.DONE


def test_a_suppressed_address_gets_nothing_and_leaves_only_the_proof(
    runtime: Runtime, ask_for: AskFor
) -> None:
    with runtime.db.write() as session:
        hashed = address_hash(runtime.vault, "email", ADDRESS)
        session.add(Suppression(address_hash=hashed, reason="complaint"))
    assert ask_for() is None
    for model in (Destination, Subscriber, OneTimeToken, Notification, Delivery):
        assert count(runtime, model) == 0, model
    assert count(runtime, Consent) == 1


def test_a_topic_that_is_gone_is_left_out(
    runtime: Runtime, ask_for: AskFor, topic_ids: list[int]
) -> None:
    confirmed(runtime, ask_for(Choices(topic_ids=(topic_ids[0], 99_999))))
    assert count(runtime, Subscription) == 1


def test_two_first_askers_at_once_share_one_destination(runtime: Runtime, ask_for: AskFor) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(4)

    def run() -> None:
        try:
            together.wait(10)
            assert ask_for()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert count(runtime, Destination) == count(runtime, Subscriber) == 1
    assert count(runtime, OneTimeToken, OneTimeToken.expires_at > utcnow()) == 1


def test_a_double_click_confirms_once(runtime: Runtime, ask_for: AskFor) -> None:
    token = ask_for()
    outcomes: list[LinkState] = []
    together = threading.Barrier(4)

    def run() -> None:
        together.wait(10)
        outcomes.append(confirmed(runtime, token).state)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == [LinkState.DONE, *[LinkState.USED] * 3]
    assert count(runtime, Subscription) == 1
    assert count(runtime, Notification) == 2


@pytest.mark.parametrize("reason", ["hard bounce", "mailbox disabled", "soft bounces"])
def test_whoever_confirms_by_a_mailed_link_shows_that_mail_arrives_again(
    runtime: Runtime, ask_for: AskFor, reason: str
) -> None:
    hashed = address_hash(runtime.vault, "email", ADDRESS)
    with runtime.db.write() as session:
        session.add_all(
            (
                Suppression(address_hash=hashed, reason=reason),
                Suppression(address_hash="another", reason=reason),
            )
        )
    token = ask_for()
    assert token
    assert count(runtime, Suppression) == 2  # asking alone proves nothing

    assert confirmed(runtime, token).state is LinkState.DONE

    assert count(runtime, Suppression, Suppression.address_hash == hashed) == 0
    assert count(runtime, Suppression) == 1


def test_a_confirmation_lifts_no_complaint(runtime: Runtime, ask_for: AskFor) -> None:
    token = ask_for()
    with runtime.db.write() as session:
        hashed = address_hash(runtime.vault, "email", ADDRESS)
        session.add(Suppression(address_hash=hashed, reason="complaint"))

    assert confirmed(runtime, token).state is LinkState.DONE
    assert count(runtime, Suppression) == 1
