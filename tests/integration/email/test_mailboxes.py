"""The whole way out: the sender, a real Postfix, and what two hundred people find in mailboxes of a
real Dovecot (email guide, criterion 20)."""

from __future__ import annotations

import email
import email.policy
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydantic import SecretStr

from service.models import DeliveryState
from tests.integration.email.dovecot import Dovecot, dovecot
from tests.integration.email.postfix import Postfix, postfix
from tests.unit.messages.signing import SELECTOR, passes_dkimpy, pem

MAILBOXES = 200
ARRIVE_WITHIN_S = 60.0
TITLE = "İzmir’de ığdır çiçeği: şölen, güneş ve Ödemiş’in yağmuru 🌊 – bütün mahallelere duyurulur"


def wait_for(relay: Postfix, mailboxes: Dovecot) -> None:
    """Until the relay has handed over as many, copies included."""
    deadline = time.monotonic() + ARRIVE_WITHIN_S
    while relay.log.count("status=sent") < MAILBOXES:
        assert "status=bounced" not in relay.log, relay.log
        assert time.monotonic() < deadline, relay.log + mailboxes.log
        time.sleep(0.1)


# The mail servers are what is tried here; a sender's outcomes reach both databases elsewhere.
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_two_hundred_mailboxes_hold_one_letter_each_as_it_was_written_and_signed(town, sending):
    readers = [f"okur{number}@mahalle.example" for number in range(MAILBOXES)]
    numbers = [town.reader(address=address) for address in readers]
    notification = town.planned(town.article(title=TITLE, summary="İlk.\n.\n..son"))

    with (
        dovecot(*readers) as mailboxes,
        postfix({"mahalle.example": f"lmtp:inet:127.0.0.1:{mailboxes.lmtp_port}"}) as relay,
    ):
        sending(smtp_url=SecretStr(relay.url), dkim_key=SecretStr(pem()), dkim_selector=SELECTOR)(
            notification
        )
        assert town.states(notification) == dict.fromkeys(numbers, DeliveryState.SENT)
        wait_for(relay, mailboxes)
        with ThreadPoolExecutor(8) as pool:
            found = dict(zip(readers, pool.map(mailboxes.messages, readers), strict=True))

    assert {len(messages) for messages in found.values()} == {1}
    for reader, (raw,) in found.items():
        message = email.message_from_bytes(raw, policy=email.policy.default)
        assert (message["To"], message["Subject"]) == (reader, TITLE)
        assert "İlk.\n.\n..son" in message.get_body(("plain",)).get_content().replace("\r\n", "\n")
        assert passes_dkimpy(raw)
    ids = {email.message_from_bytes(raw)["Message-ID"] for (raw,) in found.values()}
    assert len(ids) == MAILBOXES
    assert not passes_dkimpy(raw.replace(b"Subject: ", b"Subject: x"))
    assert town.findings() == []
