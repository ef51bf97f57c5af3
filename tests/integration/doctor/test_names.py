"""What the doctor says of right and wrong zones, asked of a real DNS server on loopback."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from service.dkim import new_key, txt_record
from service.doctor import Level, NamesAway, Resolver
from service.doctor.dkim_record import check_dkim
from service.doctor.dmarc import check_dmarc
from service.doctor.hosts import check_bounces, check_pointer
from service.doctor.spf import check_spf
from tests.integration.doctor.zone import Zone, served
from tests.unit.messages.signing import pem

DOMAIN = "haber.example.org"
HERE, V6 = ip_address("203.0.113.7"), ip_address("2001:db8::7")
OK, NOTE, WRONG = Level.OK, Level.NOTE, Level.WRONG
KEY_NAME = f"2026a._domainkey.{DOMAIN}"


@pytest.fixture
def zone() -> Iterator[Zone]:
    with served({}) as zone:
        yield zone


@pytest.fixture
def names(zone: Zone) -> Resolver:
    return Resolver(["127.0.0.1"], zone.port, patience_s=0.5)


def text(value: str) -> str:
    """A TXT value in strings of 255 octets, as a zone file has it."""
    parts = [value[start : start + 255] for start in range(0, len(value), 255)]
    return " ".join('"' + part.replace("\\", r"\\").replace('"', r"\"") + '"' for part in parts)


def publish(zone: Zone, name: str, *values: str) -> None:
    zone.records[name, "TXT"] = [text(value) for value in values]


def chain(count: int) -> dict[str, str]:
    """So many includes one below the other, the last of which permits us."""
    links = {f"s{n}.example.net": f"v=spf1 include:s{n + 1}.example.net ~all" for n in range(count)}
    return {**links, f"s{count}.example.net": f"v=spf1 ip4:{HERE} -all"}


SPF = [
    (f"v=spf1 ip4:{HERE} -all", OK, "permits 203.0.113.7, forbids others (-all)"),
    ("v=spf1 ip4:203.0.113.0/24 ~all", OK, "0 of 10 lookups"),
    ("V=SPF1 IP4:203.0.113.7 -ALL", OK, "permits"),
    ("v=spf1 a:relay.example.org -all", OK, "1 of 10 lookups"),
    ("v=spf1 a:other.example.org/24 -all", OK, "permits"),
    ("v=spf1 a -all", OK, "permits"),
    ("v=spf1 mx -all", OK, "permits"),
    ("v=spf1 mx:example.org//64 -all", WRONG, "does not permit"),
    ("v=spf1 include:_spf.example.net -all", OK, "permits"),
    ("v=spf1 redirect=_spf.example.net", OK, "permits"),
    ("v=spf1 include:no.example.net -all", WRONG, "no.example.net has no SPF records"),
    ("v=spf1 include:deny.example.net -all", WRONG, "does not permit 203.0.113.7 (fail)"),
    ("v=spf1 ptr:example.org -all", OK, "permits"),
    ("v=spf1 exists:relay.example.org -all", OK, "permits"),
    ("v=spf1 exists:%{i}.example.org -all", NOTE, "has macros"),
    ("v=spf1 ip4:198.51.100.1 -all", WRONG, "does not permit 203.0.113.7 (fail)"),
    (f"v=spf1 -ip4:{HERE} +all", WRONG, "does not permit"),
    ("v=spf1 +all", WRONG, "ends in +all, so it keeps no forger away"),
    (f"v=spf1 ip4:{HERE} ?all", WRONG, "ends in ?all"),
    (f"v=spf1 ip4:{HERE}", WRONG, "ends in nothing"),
    ("v=spf1 ip4:203.0.113 -all", WRONG, "holds no address"),
    ("v=spf1 ip5:203.0.113.7 -all", WRONG, "'ip5:203.0.113.7', which nobody knows"),
    ("v=spf1 a:relay.example.org/33 -all", WRONG, "no such length"),
    ("v=spf1 include -all", WRONG, "names no domain"),
    ("v=spf1 all:x", WRONG, "which nobody knows"),
    ("v=spf1 include:s1.example.net -all", OK, "10 of 10 lookups"),
    ("v=spf1 include:s0.example.net -all", WRONG, "more than 10 lookups"),
    (f"v=spf1 include:{DOMAIN} -all", WRONG, "more than 10 lookups"),
    ("v=spf1 a:n1.example.org a:n2.example.org a:n3.example.org ~all", WRONG, "do not exist"),
]


@pytest.mark.parametrize(("record", "level", "says"), SPF, ids=[row[0][7:] for row in SPF])
def test_spf(zone: Zone, names: Resolver, record: str, level: Level, says: str) -> None:
    publish(zone, DOMAIN, "site-verification=x", record)
    publish(zone, "_spf.example.net", "v=spf1 ip4:203.0.113.0/28 -all")
    publish(zone, "deny.example.net", "v=spf1 -all")
    for name, value in chain(10).items():
        publish(zone, name, value)
    for name in ("relay.example.org", DOMAIN):
        zone.records[name, "A"] = [str(HERE)]
    zone.records["other.example.org", "A"] = ["203.0.113.200"]
    zone.records[DOMAIN, "MX"] = ["10 relay.example.org."]
    zone.records["example.org", "MX"] = ["10 other.example.org."]
    zone.records["7.113.0.203.in-addr.arpa", "PTR"] = ["relay.example.org."]

    found = check_spf(names, DOMAIN, [HERE])

    assert [one.level for one in found if says in one.says] == [level], found
    assert all(one.level == OK or one.mend for one in found)


def test_spf_is_missing_or_there_twice(zone: Zone, names: Resolver) -> None:
    (missing,) = check_spf(names, DOMAIN, [HERE, V6])
    assert "has no SPF record" in missing.says
    assert '"v=spf1 ip4:203.0.113.7 ip6:2001:db8::7 -all"' in missing.mend

    publish(zone, DOMAIN, "v=spf1 -all", "v=spf1 ~all")
    (doubled,) = check_spf(names, DOMAIN, [HERE])
    assert "has 2 SPF records" in doubled.says


def test_spf_names_each_address_that_it_does_not_permit(zone: Zone, names: Resolver) -> None:
    publish(zone, DOMAIN, "v=spf1 ip6:2001:db8::/32 -all")

    (refused,) = check_spf(names, DOMAIN, [HERE, V6])

    assert "does not permit 203.0.113.7" in refused.says
    assert "add ip4:203.0.113.7" in refused.mend


def test_spf_of_a_relay_whose_address_nobody_knows(zone: Zone, names: Resolver) -> None:
    publish(zone, DOMAIN, "v=spf1 include:_spf.example.net -all")
    publish(zone, "_spf.example.net", "v=spf1 ip4:203.0.113.0/28 -all")

    (found,) = check_spf(names, DOMAIN, [])

    assert (found.level, "--sending-address" in found.mend) == (NOTE, True)


def test_a_long_answer_comes_by_tcp(zone: Zone, names: Resolver) -> None:
    publish(zone, DOMAIN, *(f"{n}" * 200 for n in range(10)), f"v=spf1 ip4:{HERE} -all")
    assert [one.level for one in check_spf(names, DOMAIN, [HERE])] == [OK]


@cache
def other_key() -> str:
    return txt_record(new_key())


@cache
def short_key(bits: int) -> str:
    return _record(rsa.generate_private_key(65537, bits))


@cache
def elliptic() -> str:
    return _record(ed25519.Ed25519PrivateKey.generate())


def _record(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; p={base64.b64encode(der).decode()}"


DKIM = {
    "right": (lambda r: r, OK, "publishes the key that signs (2048 bits)"),
    "no version": (lambda r: r.removeprefix("v=DKIM1; "), OK, "publishes"),
    "spaces": (lambda r: r.replace("p=", "p = ").replace("A", "A ", 3), OK, "publishes"),
    "flags": (lambda r: r + "; t=s; s=email; h=sha256", OK, "publishes"),
    "other key": (lambda r: other_key(), WRONG, "is of another key"),
    "1024 bits": (lambda r: short_key(1024), WRONG, "1024 bits"),
    "revoked": (lambda r: "v=DKIM1; p=", WRONG, "revokes the key"),
    "no key": (lambda r: "v=DKIM1; k=rsa", WRONG, "no p="),
    "cut off": (lambda r: r[:255], WRONG, "a part may be lost"),
    "not base64": (lambda r: "v=DKIM1; p=???", WRONG, "is no key"),
    "elliptic": (lambda r: elliptic(), WRONG, "no RSA key"),
    "of another kind": (lambda r: r.replace("k=rsa", "k=ed25519"), WRONG, "kind ed25519"),
    "sha1": (lambda r: r + "; h=sha1", WRONG, "does not allow sha256"),
    "not for mail": (lambda r: r + "; s=tlsrpt", WRONG, "not for email"),
    "on trial": (lambda r: r + "; t=y:s", WRONG, "t=y"),
    "version late": (lambda r: r.removeprefix("v=DKIM1; ") + "; v=DKIM1", WRONG, "begin with"),
    "another version": (lambda r: r.replace("DKIM1", "DKIM2"), WRONG, "begin with"),
    "tag twice": (lambda r: r + "; k=rsa", WRONG, "there twice"),
    "no tags": (lambda r: "hello", WRONG, "is no tag"),
}


@pytest.mark.parametrize("case", DKIM)
def test_dkim(zone: Zone, names: Resolver, case: str) -> None:
    change, level, says = DKIM[case]
    publish(zone, KEY_NAME, change(txt_record(pem())))

    (found,) = check_dkim(names, pem(), DOMAIN, "2026a")

    assert (found.level, says in found.says) == (level, True), found
    if level == WRONG and case != "on trial":
        assert txt_record(pem())[:60] in found.mend


def test_dkim_is_missing_or_there_twice(zone: Zone, names: Resolver) -> None:
    (missing,) = check_dkim(names, pem(), DOMAIN, "2026a")
    assert f"there is no record at {KEY_NAME}" in missing.says
    assert f"{KEY_NAME}. IN TXT" in missing.mend

    publish(zone, KEY_NAME, txt_record(pem()), other_key())
    (doubled,) = check_dkim(names, pem(), DOMAIN, "2026a")
    assert "there are 2 records" in doubled.says


def test_dkim_without_a_key_is_the_relays_work(names: Resolver) -> None:
    (found,) = check_dkim(names, "", DOMAIN, "")
    assert (found.level, "the relay must sign" in found.says) == (NOTE, True)


RUA = "rua=mailto:dmarc@haber.example.org"
DMARC = [
    (f"v=DMARC1; p=reject; {RUA}", OK, "says p=reject, reports go to mailto:dmarc@"),
    (f"v=DMARC1;p=quarantine;adkim=s;aspf=s;{RUA}", OK, "aligned with envelope and signature"),
    (f"v=DMARC1; p=none; {RUA}", NOTE, "p=none: forged mail"),
    (f"v=DMARC1; p=reject; pct=20; {RUA}", NOTE, "20 %"),
    ("v=DMARC1; p=reject", WRONG, "asks for no reports"),
    ("v=DMARC1; p=reject; rua=https://example.org/", WRONG, "no mailto:"),
    (f"v=DMARC1; {RUA}", WRONG, "has no p="),
    (f"v=DMARC1; p=refuse; {RUA}", WRONG, "has no p="),
    (f"v=DMARC1; p=none; p=reject; {RUA}", WRONG, "there twice"),
    ("v=DMARC1; p=reject; rua=mailto:x@agreed.example.net", OK, "p=reject"),
    ("v=DMARC1; p=reject; rua=mailto:x@reports.example.com", NOTE, "has not agreed"),
    ("v=DMARC1; p=reject; rua=mailto:x@example.org!10m", OK, "p=reject"),
]


@pytest.mark.parametrize(("record", "level", "says"), DMARC, ids=[row[0][9:] for row in DMARC])
def test_dmarc(zone: Zone, names: Resolver, record: str, level: Level, says: str) -> None:
    publish(zone, f"_dmarc.{DOMAIN}", "something else", record)
    publish(zone, f"{DOMAIN}._report._dmarc.agreed.example.net", "v=DMARC1")

    found = check_dmarc(names, DOMAIN, envelope_domain=DOMAIN, signing_domain=DOMAIN)

    assert [one.level for one in found if says in one.says] == [level], found


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (f"v=DMARC1; p=none; sp=reject; {RUA}", "_dmarc.example.org says sp=reject"),
        (f"v=DMARC1; p=quarantine; {RUA}", "_dmarc.example.org says p=quarantine"),
    ],
)
def test_the_policy_of_the_domain_above_holds(
    zone: Zone, names: Resolver, record: str, says: str
) -> None:
    publish(zone, "_dmarc.example.org", record)

    (found,) = check_dmarc(names, DOMAIN, envelope_domain=DOMAIN, signing_domain="example.org")

    assert (found.level, says in found.says) == (OK, True), found


@pytest.mark.parametrize(
    ("tags", "envelope", "signing", "says"),
    [
        ("adkim=s", DOMAIN, "example.org", "signing domain example.org is not aligned"),
        ("aspf=s", f"bounce.{DOMAIN}", DOMAIN, f"envelope's domain bounce.{DOMAIN}"),
        ("adkim=r", DOMAIN, "example.net", "signing domain example.net"),
        ("aspf=r", "xhaber.example.org", DOMAIN, "envelope's domain xhaber.example.org"),
    ],
)
def test_what_is_not_aligned_does_not_count(
    zone: Zone, names: Resolver, tags: str, envelope: str, signing: str, says: str
) -> None:
    publish(zone, f"_dmarc.{DOMAIN}", f"v=DMARC1; p=reject; {tags}; {RUA}")

    (found,) = check_dmarc(names, DOMAIN, envelope_domain=envelope, signing_domain=signing)

    assert (found.level, says in found.says) == (WRONG, True), found


def test_dmarc_is_missing_or_there_twice(zone: Zone, names: Resolver) -> None:
    (missing,) = check_dmarc(names, DOMAIN, envelope_domain=DOMAIN, signing_domain=DOMAIN)
    assert f"publish at _dmarc.{DOMAIN}" in missing.mend

    publish(zone, f"_dmarc.{DOMAIN}", f"v=DMARC1; p=none; {RUA}", "v=DMARC1; p=reject")
    (doubled,) = check_dmarc(names, DOMAIN, envelope_domain=DOMAIN, signing_domain=DOMAIN)
    assert "has 2 records" in doubled.says


PTR = {
    "right": (["relay.example.org"], [str(HERE)], "relay.example.org", OK, "leads back"),
    "greeting unknown": (["relay.example.org"], [str(HERE)], "", OK, "leads back"),
    "no name": ([], [], "relay.example.org", WRONG, "has no name (PTR)"),
    "leads elsewhere": (["relay.example.org"], ["203.0.113.8"], "", WRONG, "does not lead back"),
    "leads nowhere": (["relay.example.org"], [], "", WRONG, "does not lead back"),
    "one of two": (["x.example.net", "relay.example.org"], [str(HERE)], "", OK, "relay.example"),
    "other greeting": (["relay.example.org"], [str(HERE)], "pc.local", WRONG, "calls itself pc"),
}


@pytest.mark.parametrize("case", PTR)
def test_ptr(zone: Zone, names: Resolver, case: str) -> None:
    pointers, forward, greeting, level, says = PTR[case]
    zone.records["7.113.0.203.in-addr.arpa", "PTR"] = [f"{name}." for name in pointers]
    zone.records["relay.example.org", "A"] = forward

    found = check_pointer(names, HERE, greeting, is_relay=True)

    assert (found.level, says in found.says) == (level, True), found


def test_ptr_of_ipv6_and_a_greeting_that_leads_there_too(zone: Zone, names: Resolver) -> None:
    reverse = f"{'7' + '0' * 23}8bd01002"
    zone.records[".".join(reverse) + ".ip6.arpa", "PTR"] = ["Relay.Example.org."]
    zone.records["relay.example.org", "AAAA"] = [str(V6)]
    zone.records["mail.example.org", "AAAA"] = [str(V6)]

    assert check_pointer(names, V6, "mail.example.org", is_relay=True).level == OK


def test_what_a_relay_calls_itself_inside_is_only_a_hint(zone: Zone, names: Resolver) -> None:
    zone.records["7.113.0.203.in-addr.arpa", "PTR"] = ["relay.example.org."]
    zone.records["relay.example.org", "A"] = [str(HERE)]

    assert check_pointer(names, HERE, "inside.local", is_relay=False).level == NOTE


MX = {
    "right": (
        ["20 b.example.org.", "10 a.example.org."],
        {"a", "b"},
        OK,
        "come to a.example.org, b.example.org",
    ),
    "no address": (["10 a.example.org.", "20 b.example.org."], {"a"}, WRONG, "MX b.example.org"),
    "null MX": (["0 ."], set(), WRONG, "takes no mail"),
    "none": ([], set(), WRONG, "has no MX, so no bounce"),
    "own address": ([], {"haber"}, NOTE, "its own address"),
}


@pytest.mark.parametrize("case", MX)
def test_mx(zone: Zone, names: Resolver, case: str) -> None:
    hosts, known, level, says = MX[case]
    zone.records[DOMAIN, "MX"] = hosts
    for name in known:
        zone.records[f"{name}.example.org", "A"] = [str(HERE)]

    (found,) = check_bounces(names, DOMAIN)

    assert (found.level, says in found.says) == (level, True), found


@pytest.mark.parametrize("how", ["silent", "broken"])
def test_a_dns_that_does_not_answer_is_no_missing_record(
    zone: Zone, names: Resolver, how: str
) -> None:
    getattr(zone, how).add(DOMAIN)
    with pytest.raises(NamesAway, match=f"no DNS server answered the question for {DOMAIN} TXT"):
        check_spf(names, DOMAIN, [HERE])


@pytest.mark.parametrize("domain", ["a..b", "x" * 64 + ".example", "ğ" * 300, "", "a b"])
def test_a_name_that_the_dns_cannot_hold_has_no_record(names: Resolver, domain: str) -> None:
    assert names.texts(domain) == []
