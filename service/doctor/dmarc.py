"""DMARC: what mailboxes do with mail that only says it is the city's (RFC 7489).

The domain that speaks for a subdomain is found by walking up to the first record, as there is no
list of public suffixes here; nobody publishes one at `com` or `bel.tr` for others.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.doctor.finding import Finding, note, ok, wrong
from service.doctor.names import Names
from service.doctor.tags import TagError, parse_tags

CHECK = "DMARC"
POLICIES = ("none", "quarantine", "reject")


def check_dmarc(
    names: Names, from_domain: str, *, envelope_domain: str, signing_domain: str
) -> list[Finding]:
    """Look at the policy for the From domain, its reports, and what is aligned with it."""
    at, found = _find(names, from_domain)
    sample = f'TXT "v=DMARC1; p=none; rua=mailto:dmarc@{from_domain}"'
    if not found:
        says = f"{from_domain} has no DMARC record; large mailboxes refuse bulk mail without one."
        return [wrong(CHECK, says, f"publish at _dmarc.{from_domain}: {sample}")]
    if len(found) > 1:
        says = f"_dmarc.{at} has {len(found)} records; mailboxes then heed none."
        return [wrong(CHECK, says, "leave one of them")]
    try:
        tags = parse_tags(found[0])
    except TagError as error:
        return [wrong(CHECK, f"the record at _dmarc.{at} is broken: {error}.", f"as in {sample}")]
    name = "sp" if at != from_domain and "sp" in tags else "p"
    policy = tags.get(name, "").lower()
    if policy not in POLICIES:
        says = f"the record at _dmarc.{at} has no {name}= of none, quarantine or reject."
        return [wrong(CHECK, says, f"as in {sample}")]
    findings = [*_reports(names, at, tags), *_alignment(tags, from_domain, "aspf", envelope_domain)]
    findings += _alignment(tags, from_domain, "adkim", signing_domain)
    if policy == "none":
        says = f"_dmarc.{at} says {name}=none: forged mail in the city's name is still delivered."
        mend = "once the reports show that all your mail passes, set quarantine, then reject"
        findings.append(note(CHECK, says, mend))
    elif tags.get("pct", "100") != "100":
        says = f"_dmarc.{at} holds for {tags['pct'][:5]} % of forged mail."
        findings.append(note(CHECK, says, "take pct= away once you trust it"))
    if findings:
        return findings
    says = f"_dmarc.{at} says {name}={policy}, reports go to {tags['rua'][:80]}, and From is "
    return [ok(CHECK, says + "aligned with envelope and signature.")]


def _find(names: Names, domain: str) -> tuple[str, list[str]]:
    """The nearest domain at or above this one that has records, and these."""
    for at in _upwards(domain):
        texts = [text.strip() for text in names.texts(f"_dmarc.{at}")]
        found = [text for text in texts if text.split(";")[0].replace(" ", "") == "v=DMARC1"]
        if found:
            return at, found
    return domain, []


def _upwards(domain: str) -> Iterator[str]:
    while "." in domain:
        yield domain
        domain = domain.partition(".")[2]


def _reports(names: Names, at: str, tags: dict[str, str]) -> list[Finding]:
    """Reports are wanted, and whoever gets them elsewhere must have agreed (section 7.1)."""
    mend = f"add rua=mailto:dmarc@{at} to the record"
    if not tags.get("rua"):
        says = f"_dmarc.{at} asks for no reports (rua=): nobody would tell you that mail fails."
        return [wrong(CHECK, says, mend)]
    findings = []
    for uri in tags["rua"].split(","):
        scheme, _, address = uri.strip().partition(":")
        domain = address.partition("!")[0].rpartition("@")[2].lower()
        if scheme.lower() != "mailto" or not domain:
            says = f"_dmarc.{at} sends reports to {uri.strip()[:60]}, which is no mailto: address."
            findings.append(wrong(CHECK, says, mend))
        elif not is_related(domain, at):
            agreed = f"{at}._report._dmarc.{domain}"
            if not any(text.strip().startswith("v=DMARC1") for text in names.texts(agreed)):
                says = f"{domain} has not agreed to get the reports of {at}, so few are sent."
                findings.append(note(CHECK, says, f'publish at {agreed}: TXT "v=DMARC1"'))
    return findings


def _alignment(tags: dict[str, str], from_domain: str, tag: str, other: str) -> list[Finding]:
    """Section 3.1: relaxed means the same organisation, strict the very same name."""
    is_strict = tags.get(tag, "r").lower() == "s"
    is_aligned = from_domain == other if is_strict else is_related(from_domain, other)
    if is_aligned:
        return []
    what = "envelope's domain" if tag == "aspf" else "signing domain"
    says = f"the {what} {other} is not aligned with From ({from_domain}), so it does not count."
    return [wrong(CHECK, says, f"set {tag}=r in the record" if is_strict else "use one domain")]


def is_related(one: str, other: str) -> bool:
    """True where a domain is the other one or lies below it."""
    return f".{one}".endswith(f".{other}") or f".{other}".endswith(f".{one}")
