"""SPF: may this address send for that domain (RFC 7208)?

The whole tree of includes is walked, also beyond the term that decides, because the limit of ten
lookups is met by whichever address the tree is asked for.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from service.doctor.finding import Finding, note, ok, wrong
from service.doctor.names import Names

CHECK = "SPF"
MAX_LOOKUPS = 10  # section 4.6.4, as are the other two
MAX_VOID = 2
MAX_MX = 10
RESULTS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
_TERM = re.compile(r"([+?~-]?)(all|include|a|mx|ptr|ip4|ip6|exists)([:/].*)?", re.I)
_MODIFIER = re.compile(r"([a-z][a-z0-9_.-]*)=(.*)", re.I)
_LENGTHS = re.compile(r"(.*?)(?:/(\d{1,3}))?(?://(\d{1,3}))?")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class SpfError(Exception):
    """The record cannot be used by anybody: receivers say permerror."""


@dataclass(frozen=True)
class Answer:
    """`result` as RFC 7208, section 2.6 names it; `last` is the qualifier of `all`, or empty."""

    result: str
    lookups: int
    last: str
    has_macros: bool


def records(names: Names, domain: str) -> list[str]:
    """The SPF records of a domain; there must be one."""
    found = [text.strip() for text in names.texts(domain)]
    return [text for text in found if re.match(r"v=spf1(?: |$)", text, re.I)]


def evaluate(names: Names, domain: str, address: Address | None) -> Answer:
    """What the domain's record says about an address; None only counts.

    Raises:
        SpfError: the record is broken, or asks for too much.
        NamesAway: the DNS does not answer.
    """
    walk = _Walk(names, address)
    result, last = walk.domain(domain)
    return Answer(result, walk.lookups, last, walk.has_macros)


def check_spf(names: Names, domain: str, senders: Sequence[Address]) -> list[Finding]:
    """Look at the record of the envelope's domain, and whether it permits each sending address."""
    sample = " ".join(f"ip{sender.version}:{sender}" for sender in senders) or "ip4:ADDRESS"
    found = records(names, domain)
    if not found:
        says = f"{domain} has no SPF record, so mailboxes cannot tell your mail from a forgery."
        return [wrong(CHECK, says, f'publish at {domain}: TXT "v=spf1 {sample} -all"')]
    if len(found) > 1:
        says = f"{domain} has {len(found)} SPF records; mailboxes then heed none."
        return [wrong(CHECK, says, "join them into one")]
    try:
        answers = [evaluate(names, domain, sender) for sender in senders or (None,)]
    except SpfError as error:
        return [wrong(CHECK, f"the record of {domain} cannot be used: {error}.", "correct it")]
    findings = [
        _refused(domain, sender, answer)
        for sender, answer in zip(senders, answers, strict=False)
        if answer.result != "pass"
    ]
    if answers[0].last not in ("-", "~"):
        said = f"{answers[0].last}all" if answers[0].last else "nothing"
        says = f"the record of {domain} ends in {said}, so it keeps no forger away."
        findings.append(wrong(CHECK, says, "let it end in -all (or ~all while you try it out)"))
    if not senders:
        says = f"{domain} has a record of {answers[0].lookups} lookups; whom it should permit is "
        mend = "name the address that your relay sends from: --sending-address"
        findings.append(note(CHECK, says + "not known.", mend))
    if findings:
        return findings
    permitted = " and ".join(map(str, senders))
    says = f"{domain} permits {permitted}, forbids others ({answers[0].last}all), and takes "
    return [ok(CHECK, says + f"{answers[0].lookups} of {MAX_LOOKUPS} lookups.")]


def _refused(domain: str, sender: Address, answer: Answer) -> Finding:
    if answer.has_macros:
        says = f"the record of {domain} has macros; whether it permits {sender} is not known."
        return note(CHECK, says, "look at the headers of a letter from `tellal mail test`")
    says = f"the record of {domain} does not permit {sender} ({answer.result})."
    return wrong(CHECK, says, f"add ip{sender.version}:{sender}, or your relay's include:, to it")


class _Walk:
    """One walk through a record and what it includes."""

    def __init__(self, names: Names, address: Address | None) -> None:
        self._names, self._address = names, address
        self.lookups, self._voids, self.has_macros = 0, 0, False

    def domain(self, domain: str) -> tuple[str, str]:
        """The result for this domain's record, and the qualifier of its `all`."""
        found = records(self._names, domain)
        if len(found) != 1:
            raise SpfError(f"{domain} has {len(found) or 'no'} SPF records")
        result, last, redirect = "", "", ""
        for term in found[0].split()[1:]:
            if parts := _TERM.fullmatch(term):
                qualifier, kind = parts[1] or "+", parts[2].lower()
                if kind == "all":
                    if parts[3]:
                        raise SpfError(f"{domain} has the term {term[:60]!r}, which nobody knows")
                    last = qualifier
                    result = result or RESULTS[qualifier]
                    break  # what follows is never read
                if self._matches(kind, parts[3] or "", domain, term):
                    result = result or RESULTS[qualifier]
            elif modifier := _MODIFIER.fullmatch(term):
                if modifier[1].lower() == "redirect":
                    redirect = modifier[2]
            else:
                raise SpfError(f"{domain} has the term {term[:60]!r}, which nobody knows")
        if redirect and not last:
            self._look()
            if self._is_macro(redirect):
                return result or "neutral", last
            other, last = self.domain(redirect)
            result = result or other
        return result or "neutral", last

    def _matches(self, kind: str, rest: str, domain: str, term: str) -> bool:
        if kind in ("ip4", "ip6"):
            return self._is_within([_network(kind, rest, term)])
        self._look()
        if kind in ("include", "exists"):
            target = rest.removeprefix(":")
            if not target or rest.startswith("/"):
                raise SpfError(f"{term[:60]!r} names no domain")
            if self._is_macro(target):
                return False
            if kind == "include":
                return self.domain(target)[0] == "pass"
            return bool(self._known(self._names.addresses(target)))
        parts = _LENGTHS.fullmatch(rest.removeprefix(":"))
        assert parts is not None, "it matches every text"
        target = parts[1] or domain
        if self._is_macro(target):
            return False
        if kind == "ptr":
            return self._is_called(target)
        hosts = self._known(self._names.mail_hosts(target))[:MAX_MX] if kind == "mx" else [target]
        found = [a for host in hosts for a in self._names.addresses(host)]
        if kind == "a":
            self._known(found)
        lengths = {4: parts[2], 6: parts[3]}
        return self._is_within([_around(address, lengths, term) for address in found])

    def _is_within(self, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
        return self._address is not None and any(self._address in network for network in networks)

    def _is_called(self, domain: str) -> bool:
        if self._address is None:
            return False
        return any(
            f".{name}".endswith(f".{domain.lower()}")
            and str(self._address) in self._names.addresses(name)
            for name in self._names.pointers(str(self._address))[:MAX_MX]
        )

    def _is_macro(self, target: str) -> bool:
        self.has_macros |= "%" in target
        return "%" in target

    def _look(self) -> None:
        self.lookups += 1
        if self.lookups > MAX_LOOKUPS:
            raise SpfError(f"it takes more than {MAX_LOOKUPS} lookups, where receivers give up")

    def _known(self, found: list[str]) -> list[str]:
        if not found:
            self._voids += 1
            if self._voids > MAX_VOID:
                raise SpfError(f"more than {MAX_VOID} of its names do not exist")
        return found


def _network(kind: str, rest: str, term: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        if kind == "ip4":
            return ipaddress.IPv4Network(rest.removeprefix(":"), strict=False)
        return ipaddress.IPv6Network(rest.removeprefix(":"), strict=False)
    except ValueError as error:
        raise SpfError(f"{term[:60]!r} holds no address") from error


def _around(
    address: str, lengths: dict[int, str | None], term: str
) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    host = ipaddress.ip_address(address)
    length = lengths[host.version]
    try:
        return ipaddress.ip_network(f"{host}/{length or host.max_prefixlen}", strict=False)
    except ValueError as error:
        raise SpfError(f"{term[:60]!r} has no such length") from error
