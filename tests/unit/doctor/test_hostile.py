"""Whatever a zone says, the doctor has a sentence for it and never an error."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address

from hypothesis import given
from hypothesis import strategies as st

from service.doctor.dkim_record import check_dkim
from service.doctor.dmarc import check_dmarc
from service.doctor.finding import Finding
from service.doctor.hosts import check_bounces, check_pointer
from service.doctor.spf import check_spf
from service.smtp import Server
from tests.unit.messages.signing import pem

DOMAIN = "haber.example.org"
HERE = ip_address("203.0.113.7")
words = st.text(st.characters(codec="ascii"), max_size=30)
records = st.lists(words | st.text(max_size=60), max_size=4)


@dataclass
class Everything:
    """A DNS in which every name has the same records."""

    found: Sequence[str] = ()
    hosts: Sequence[str] = field(default=("relay.example.org",))
    homes: Sequence[str] = (str(HERE), "2001:db8::7")

    def texts(self, name: str) -> list[str]:
        return list(self.found)

    def addresses(self, name: str) -> list[str]:
        return list(self.homes)

    def mail_hosts(self, name: str) -> list[str]:
        return list(self.hosts)

    def pointers(self, address: str) -> list[str]:
        return list(self.hosts)


def assert_said(findings: Sequence[Finding]) -> None:
    assert findings
    for finding in findings:
        assert finding.says.endswith(".")
        assert finding.mend or not finding.level.is_bad


@st.composite
def spf_records(draw: st.DrawFn) -> str:
    kinds = ["a", "mx", "ptr", "ip4:", "ip6:", "include:", "exists:", "redirect=", "all", "exp="]
    rest = words | st.sampled_from(["", DOMAIN, "203.0.113.0/24", "/24//64", "::/0", "%{i}.x"])
    mark = st.sampled_from(["", "+", "-", "~", "?"])
    terms = draw(st.lists(st.tuples(mark, st.sampled_from(kinds), rest), max_size=6))
    return " ".join(["v=spf1", *("".join(term) for term in terms)])


@given(spf_records())
def test_any_spf_record_is_judged(record: str) -> None:
    assert_said(check_spf(Everything([record]), DOMAIN, [HERE]))
    assert_said(check_spf(Everything([record], homes=()), DOMAIN, []))


@given(records)
def test_any_text_is_judged(found: list[str]) -> None:
    names = Everything(found)
    assert_said(check_spf(names, DOMAIN, [HERE]))
    assert_said(check_dkim(names, pem(), DOMAIN, "2026a"))
    assert_said(check_dmarc(names, DOMAIN, envelope_domain=DOMAIN, signing_domain=DOMAIN))


tags = st.lists(
    st.tuples(
        st.sampled_from(["v", "k", "p", "h", "s", "t", "rua", "sp", "pct", "adkim", "aspf", "x"]),
        words | st.sampled_from(["DKIM1", "rsa", "none", "reject", "s", "mailto:a@b", ",mailto:"]),
    ).map("=".join),
    max_size=6,
).map(";".join)


@given(tags, st.binary(max_size=80))
def test_any_list_of_tags_is_judged(listed: str, der: bytes) -> None:
    key = f"v=DKIM1; p={base64.b64encode(der).decode()};{listed}"
    assert_said(check_dkim(Everything([key]), pem(), DOMAIN, "2026a"))
    policy = Everything([f"v=DMARC1;{listed}"])
    assert_said(check_dmarc(policy, DOMAIN, envelope_domain=DOMAIN, signing_domain=DOMAIN))


@given(st.lists(words, max_size=3))
def test_any_name_of_a_host_is_judged(hosts: list[str]) -> None:
    names = Everything(hosts=hosts)
    assert_said([check_pointer(names, HERE, "", is_relay=True)])
    assert_said(check_bounces(names, DOMAIN))


@given(st.text(max_size=60).map("smtp://".__add__) | st.text(max_size=60))
def test_any_address_is_a_relay_or_refused_as_a_wrong_value(url: str) -> None:
    try:
        server = Server.of(url)
    except ValueError:
        return
    assert server.host
    assert 0 <= server.port <= 65_535
