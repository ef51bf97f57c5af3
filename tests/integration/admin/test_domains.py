"""The health of mail: what lanes and domains say of the city's letters, and the city's records."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from service.db import utcnow
from service.doctor import NamesAway, Patient
from service.ledger.outcome import Outcome
from service.ledger.tallying import count_due
from service.models import Bounce, BounceVerdict, DeliveryState, MailLane
from tests.integration.ledger.recorder import Recorder
from workers.deliver import deliver_batch

ZONE = ZoneInfo("Europe/Istanbul")


class Zone:
    """A DNS that knows one record."""

    def texts(self, name: str) -> list[str]:
        return ["v=spf1 -all"] if name == "city.example" else []

    def addresses(self, name: str) -> list[str]:
        return []

    mail_hosts = pointers = addresses


def test_each_lane_says_how_it_takes_our_mail(program, signed_in, town, runtime):
    readers = [town.reader(lane="gmail") for _ in range(3)]
    notification = town.planned()
    refused = Outcome(DeliveryState.REJECTED, "5.1.1", "no such user")
    sender = Recorder(lambda one, _: refused if one == readers[0] else None)
    deliver_batch(runtime, town.batches()[0], sender)
    today = {"day": utcnow().date(), "sent": 2}
    with runtime.db.write() as session:
        session.add(MailLane(name="gmail", links=4, **today))
        session.add(
            MailLane(name="closed.example", links=1, closed_until=utcnow().replace(year=9000))
        )
        session.execute(update(Bounce).values(domain="gmail.com"))
        session.add(
            Bounce(
                notification_id=notification,
                destination_id=readers[1],
                verdict=BounceVerdict.COMPLAINT,
                lane="gmail",
                domain="gmail.com",
            )
        )
    count_due(runtime.db, ZONE, utcnow(), is_all=True)
    health = program("viewer").get("/v1/admin/domains").json

    (lane,) = health["lanes"]
    assert lane["lane"] == "gmail"
    assert (lane["sent"], lane["deferred"], lane["rejected"], lane["unknown"]) == (2, 0, 1, 0)
    assert (lane["complaints"], lane["links"], lane["is_stopped"]) == (1, 4, False)
    assert 0 <= lane["p95_s"] < 600
    domains = {one["domain"]: one for one in health["domains"]}
    assert domains["gmail.com"]["verdicts"]["complaint"] == 1
    assert domains["closed.example"]["closed_until"].startswith("9000")
    page = signed_in("editor").get("/en/staff/domains").text
    assert 'href="/en/staff/deliveries/halt?act=pause&amp;scope=lane&amp;of=gmail"' in page


def test_the_dns_is_asked_until_a_time_is_up():
    assert Patient(Zone(), 60).texts("city.example") == ["v=spf1 -all"]
    late = Patient(Zone(), -1)
    for ask in (late.texts, late.addresses, late.mail_hosts, late.pointers):
        with pytest.raises(NamesAway):
            ask("city.example")


def test_without_an_address_that_mail_comes_from_nothing_is_asked(signed_in):
    page = signed_in("viewer").post("/en/staff/domains/check")
    assert "TELLAL_MAIL_FROM" in page.text


def test_what_the_dns_says_is_shown_with_how_to_mend_it(signed_in, app, monkeypatch):
    held = app.extensions["tellal"]
    set_ = held.settings.model_copy(update={"mail_from": "haber@city.example"})
    monkeypatch.setitem(held.__dict__, "settings", set_)
    monkeypatch.setattr("service.admin.domains.Resolver", lambda **_: Zone())
    page = signed_in("viewer").post("/en/staff/domains/check").text
    assert "DMARC" in page
    assert "Wrong" in page
    assert "publish" in page
