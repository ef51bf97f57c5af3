"""The DNS as the doctor asks it: four questions, and a clear word when nobody answers."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Protocol

import dns.exception
import dns.name
import dns.rdtypes.ANY.MX
import dns.rdtypes.ANY.TXT
import dns.resolver
import dns.reversename

PATIENCE_S = 5.0  # for one question, all servers and repetitions together


class NamesAway(Exception):
    """No DNS server gave an answer: nothing is known about the record, not even that it is
    missing."""


class Names(Protocol):
    """Answers are empty where the name or the record does not exist. Each raises NamesAway."""

    def texts(self, name: str) -> list[str]:
        """TXT records, the strings of each joined (RFC 7208, section 3.3)."""

    def addresses(self, name: str) -> list[str]:
        """A and AAAA records."""

    def mail_hosts(self, name: str) -> list[str]:
        """MX records, the most wanted first; "" stands for the null MX (RFC 7505)."""

    def pointers(self, address: str) -> list[str]:
        """PTR records of an IP address."""


class Resolver:
    """Asks the servers of this machine, or the given ones."""

    def __init__(
        self, servers: Sequence[str] = (), port: int = 53, patience_s: float = PATIENCE_S
    ) -> None:
        self._resolver = dns.resolver.Resolver(configure=False)
        self._resolver.nameservers = list(servers)
        self._resolver.port = port
        if not servers:
            with suppress(dns.resolver.NoResolverConfiguration):  # then nobody answers
                self._resolver.read_resolv_conf("/etc/resolv.conf")
        self._resolver.lifetime = patience_s

    def texts(self, name: str) -> list[str]:
        return [
            b"".join(record.strings).decode("ascii", "replace")
            for record in self._records(name, "TXT")
            if isinstance(record, dns.rdtypes.ANY.TXT.TXT)
        ]

    def addresses(self, name: str) -> list[str]:
        return [str(record) for kind in ("A", "AAAA") for record in self._records(name, kind)]

    def mail_hosts(self, name: str) -> list[str]:
        records = [
            record
            for record in self._records(name, "MX")
            if isinstance(record, dns.rdtypes.ANY.MX.MX)
        ]
        records.sort(key=lambda record: record.preference)
        return [_plain(str(record.exchange)) for record in records]

    def pointers(self, address: str) -> list[str]:
        reverse = dns.reversename.from_address(address).to_text()
        return [_plain(str(record)) for record in self._records(reverse, "PTR")]

    def _records(self, name: str, kind: str) -> Iterable[object]:
        try:
            asked = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return ()  # no name that the DNS could hold
        try:
            return self._resolver.resolve(asked, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return ()
        except (dns.exception.DNSException, OSError) as error:
            raise NamesAway(f"no DNS server answered the question for {name} {kind}") from error


def _plain(name: str) -> str:
    return name.rstrip(".").lower()


class Patient:
    """Asks somebody else's names until a time is up; from then on nobody answers."""

    def __init__(self, names: Names, in_all_s: float) -> None:
        self._names, self._until = names, time.monotonic() + in_all_s

    def texts(self, name: str) -> list[str]:
        return self._in_time().texts(name)

    def addresses(self, name: str) -> list[str]:
        return self._in_time().addresses(name)

    def mail_hosts(self, name: str) -> list[str]:
        return self._in_time().mail_hosts(name)

    def pointers(self, address: str) -> list[str]:
        return self._in_time().pointers(address)

    def _in_time(self) -> Names:
        if time.monotonic() > self._until:
            raise NamesAway("the DNS took too long to answer all that was asked")
        return self._names
