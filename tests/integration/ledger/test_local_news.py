"""News of a place alone: who does not want what concerns the whole city is not told of it."""

from __future__ import annotations

import pytest
from sqlalchemy import update

from service.models import DeliveryState, Subscription

pytestmark = pytest.mark.usefixtures("full_audit")


def local_only(runtime, destination: int) -> None:
    with runtime.db.write() as session:
        session.execute(
            update(Subscription)
            .where(Subscription.destination_id == destination)
            .values(is_local_only=True)
        )


@pytest.mark.parametrize(
    ("places", "is_local_told"), [((), False), (("konak",), True), (("beydag", "konak"), True)]
)
def test_an_article_without_a_place_is_not_for_those_who_want_their_place_alone(
    town, runtime, places, is_local_told
):
    usual, local = town.reader(place="konak"), town.reader(place="konak")
    local_only(runtime, local)

    told = set(town.states(town.planned(town.article(places=places))))

    assert told == ({usual, local} if is_local_told else {usual})


def test_another_place_is_for_neither(town, runtime):
    usual, local = town.reader(place="konak"), town.reader(place="konak")
    local_only(runtime, local)

    assert town.states(town.planned(town.article(places=("beydag",)))) == {}
    assert usual != local


@pytest.mark.parametrize(
    ("places", "state"), [((), DeliveryState.SUPPRESSED), (("konak",), DeliveryState.SENT)]
)
def test_a_wish_that_changed_before_the_sending_counts(town, runtime, work, places, state):
    reader = town.reader(place="konak")
    notification = town.planned(town.article(places=places))
    local_only(runtime, reader)

    work()

    assert town.states(notification) == {reader: state}
