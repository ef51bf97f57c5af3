"""The doctor: looks at what an operator sets up for mail, and says of each how it is.

It changes nothing and sends nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from service.doctor.dkim_record import CHECK as DKIM
from service.doctor.dkim_record import check_dkim
from service.doctor.dmarc import CHECK as DMARC
from service.doctor.dmarc import check_dmarc
from service.doctor.finding import Finding, Level, note, unseen
from service.doctor.hosts import MX, PTR, check_bounces, check_pointer
from service.doctor.installation import check_archives, check_broker, check_database, check_keys
from service.doctor.names import Names, NamesAway, Patient, Resolver
from service.doctor.relay import RELAY, Probe
from service.doctor.spf import CHECK as SPF
from service.doctor.spf import Address, check_spf
from service.settings import Settings
from service.smtp import Server

__all__ = ["Finding", "Level", "NamesAway", "Patient", "Resolver", "examine", "examine_names"]

Check = Callable[[], Sequence[Finding]]


def examine(
    settings: Settings, names: Names, sending: Sequence[Address] = (), recipient: str = ""
) -> Iterator[Finding]:
    """Look at one thing after the other.

    `sending` are the addresses that the relay sends from, where they are not those at which we
    reach it; `recipient` is whom the relay is asked to take a letter for, else the sender.
    """
    yield check_keys(settings)
    database = check_database(settings)
    yield database
    if not database.level.is_bad:
        yield check_archives(settings)
    yield check_broker(settings)
    probe = None
    if url := settings.smtp_url.get_secret_value():
        probe = _probe(settings, url, recipient)
        yield from probe.run()
        others = {f"no. {n}": more for n, more in enumerate(settings.relay_urls[1:], 2)}
        others["last"] = settings.smtp_fallback_url.get_secret_value()
        for which, other in others.items():
            found = _probe(settings, other, recipient).run() if other else ()
            yield from (replace(finding, check=f"{which} {finding.check}") for finding in found)
    else:
        says = "no relay is set: mail goes to the built-in mailbox, /dev/mailbox, and nothing "
        yield note(RELAY, f"{says}leaves.", "set TELLAL_SMTP_URL when real mail shall leave")
        if "mail_from" not in settings.model_fields_set:
            return
    yield from _examine_names(settings, names, sending, probe)


def examine_names(settings: Settings, names: Names) -> Iterator[Finding]:
    """Look at the DNS records of the mail domain alone."""
    yield from _examine_names(settings, names, (), None)


def _probe(settings: Settings, url: str, recipient: str) -> Probe:
    """Asks a relay what it would do with a letter of ours."""
    sender = f"b+doctor@{settings.mail_domain}"
    return Probe(Server.of(url), sender, recipient or settings.mail_from, settings.smtp_ca)


def _examine_names(
    settings: Settings, names: Names, sending: Sequence[Address], probe: Probe | None
) -> Iterator[Finding]:
    reached = probe.address if probe else None
    greeting = probe.greeting if probe else ""
    senders = list(sending) or ([reached] if reached and reached.is_global else [])
    domain = settings.mail_domain
    yield from _asked(SPF, lambda: check_spf(names, domain, senders))
    key = settings.dkim_key.get_secret_value()
    signing = settings.signing_domain
    yield from _asked(DKIM, lambda: check_dkim(names, key, signing, settings.dkim_selector))
    yield from _asked(
        DMARC,
        lambda: check_dmarc(names, domain, envelope_domain=domain, signing_domain=signing),
    )
    yield from _asked(MX, lambda: check_bounces(names, domain))
    if not senders:
        says = "the address that your mail leaves from is not known, so its name was not looked at."
        yield note(PTR, says, "name it: --sending-address")
    yield from _asked(
        PTR,
        lambda: [check_pointer(names, a, greeting, is_relay=a == reached) for a in senders],
    )


def _asked(check: str, look: Check) -> Sequence[Finding]:
    try:
        return look()
    except NamesAway as away:
        says = f"{away}; whether the record is right is not known."
        return [unseen(check, says, "mend this machine's DNS, or name a server: --dns")]
