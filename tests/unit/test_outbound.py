"""Which addresses are the public internet."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.outbound import GuardPolicy, is_public
from service.outbound.deadlines import Deadlines

PRIVATE = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1"),
    *("169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "192.0.0.1"),
    *("::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("::ffff:169.254.169.254", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd00:ec2::254"),
    *("ff02::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2001::1", "2001:0:808:808::1"),
    *("100::1", "5f00::1", "4000::1"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"]
JUNK = ["", " ", "localhost", "127.1", "0x7f000001", "2130706433", "8.8.8.8.8", "8.8.8.8 ", "ş"]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_of_a_private_or_special_network_is_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_ordinary_addresses_are_public(address):
    assert is_public(address)


@pytest.mark.parametrize("address", JUNK)
def test_what_is_no_address_is_not_public(address):
    assert not is_public(address)


@given(st.ip_addresses(v=4, network="10.0.0.0/8") | st.ip_addresses(v=4, network="127.0.0.0/8"))
def test_a_private_address_is_private_in_every_disguise(address):
    number = int(address)
    disguises = (
        str(address),
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1",
    )
    assert not any(is_public(disguise) for disguise in disguises)


@given(st.text(max_size=40))
def test_no_text_breaks_the_check(text):
    assert is_public(text) in (True, False)


def test_a_listed_host_is_reached_and_no_other():
    policy = GuardPolicy(("LocalHost",))

    assert policy.resolve("localhost", 80)
    with pytest.raises(OSError, match="policy"):
        policy.resolve("127.0.0.1", 80)
    with pytest.raises(OSError, match="policy"):
        policy.resolve("[::1]".strip("[]"), 80)


def test_a_deadline_that_breaks_keeps_the_others():
    deadlines, kept = Deadlines(), threading.Event()

    def breaks() -> None:
        raise OSError("no thread, no socket")

    deadlines.start(0.0, breaks)
    deadlines.start(0.05, kept.set)

    assert kept.wait(10)


def test_a_deadline_is_kept_once_a_thread_is_to_be_had(monkeypatch):
    deadlines, kept = Deadlines(), threading.Event()

    def fails(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", fails)
        with pytest.raises(RuntimeError):
            deadlines.start(0.0, kept.set)

    deadlines.start(0.0, lambda: None)

    assert kept.wait(10)
