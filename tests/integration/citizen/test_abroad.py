"""Mail that leaves the country: a box of its own, and a consent that ends with the subscription."""

from __future__ import annotations

import pytest

from service.models import Consent, Destination, Subscription
from service.subscriptions import abroad

ADDRESS = "ayse@example.com"
BOX = 'name="abroad"'


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"abroad": {"email": "Example Relay"}})


@pytest.fixture
def token(runtime, person, confirm_token):
    """The link of a sign-up with both boxes ticked."""
    page = person.send(person.choose(), email=ADDRESS, consent="yes", abroad="yes")
    assert BOX not in page.text
    person.finish(page)
    return confirm_token()


def acts(town):
    """What the ledger has of the box."""
    return [(one.act, one.how) for one in town.all(Consent) if one.channel == "abroad:email"]


def may_send(runtime, settings, town):
    (reader,) = town.all(Destination)
    with runtime.db.read() as session:
        return abroad.may_send(session, settings, "email", reader.address_hash)


def test_the_box_is_unticked_and_says_who_sends(person):
    page = person.choose()

    assert "Bu kanal iletileri yurt dışındaki bir hizmetle gönderir (Example Relay)" in page.text
    assert page.text.count('type="checkbox"') == 2
    assert " checked" not in page.text


def test_without_it_nothing_is_sent_and_its_error_leads_to_it(person, town):
    page = person.send(person.choose(), email=ADDRESS, consent="yes")

    assert 'href="#abroad"' in page.text
    assert 'href="#consent"' not in page.text
    assert ADDRESS in page.text
    assert town.count(Destination) == town.count(Consent) == 0


def test_it_can_be_given_where_the_answers_are_checked(person, town):
    """As for whoever comes from a form on another site."""
    answers = {"topics": "all", "email": ADDRESS}
    page = person.client.post("/embed", data=answers)
    assert BOX in page.text

    refused = person.finish(page, consent="yes")
    assert 'href="#abroad"' in refused.text
    assert town.count(Consent) == 0
    person.finish(refused, abroad="yes")

    assert acts(town) == [("asked", "")]


def test_it_counts_when_the_link_was_opened_and_ends_with_the_last_subscription(
    runtime, settings, person, town, token
):
    assert acts(town) == [("asked", "")]
    assert not may_send(runtime, settings, town)

    person.client.post(f"/confirm/{token}")
    assert acts(town)[1:] == [("confirmed", "")]
    assert may_send(runtime, settings, town)

    way_out = runtime.vault.token("unsubscribe", 5, 1, town.all(Subscription)[0].id)
    person.client.post(f"/u/{way_out}")
    person.client.post(f"/u/{way_out}")
    assert acts(town)[2:] == [("withdrawn", "one-click")]
    assert not may_send(runtime, settings, town)

    person.client.post(f"/u/{way_out}/undo")
    assert acts(town)[3:] == [("confirmed", "undo")]
    assert may_send(runtime, settings, town)


def test_a_city_whose_mail_stays_at_home_asks_nobody(
    app, runtime, person, town, monkeypatch, confirm_token
):
    monkeypatch.setitem(runtime.settings.abroad, "email", "")
    page = person.choose()
    assert BOX not in page.text

    person.finish(person.send(page, email=ADDRESS, consent="yes"))
    person.client.post(f"/confirm/{confirm_token()}")

    assert acts(town) == []
    assert town.all(Destination)[0].verified_at is not None
