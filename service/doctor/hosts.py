"""Names of hosts: is the sending address called what it says it is, and where do bounces go?"""

from __future__ import annotations

from collections.abc import Sequence

from service.doctor.finding import Finding, note, ok, wrong
from service.doctor.names import Names
from service.doctor.spf import Address

PTR, MX = "PTR", "MX"
MAX_POINTERS = 10


def check_pointer(names: Names, address: Address, greeting: str, *, is_relay: bool) -> Finding:
    """Is the address's name forward-confirmed, and is it the one that the relay greets with?

    `greeting` is the name the relay calls itself, empty if unknown; `is_relay`: the address is
    the one that it was reached at, so that it is expected to call itself so outside as well.
    """
    pointers = names.pointers(str(address))[:MAX_POINTERS]
    ask = f"have whoever gave you {address} set its PTR to your relay's name"
    if not pointers:
        return wrong(PTR, f"{address} has no name (PTR); many mailboxes refuse such senders.", ask)
    confirmed = [name for name in pointers if str(address) in names.addresses(name)]
    if not confirmed:
        says = f"{address} is called {pointers[0]}, but that name does not lead back to it."
        return wrong(PTR, says, f"{ask}, and let {pointers[0]} have the address {address}")
    if greeting and greeting not in confirmed and str(address) not in names.addresses(greeting):
        says = f"{address} is called {confirmed[0]}, but the relay calls itself {greeting}."
        mend = f"let the relay greet as {confirmed[0]} (Postfix: myhostname or smtp_helo_name)"
        return wrong(PTR, says, mend) if is_relay else note(PTR, says, mend)
    return ok(PTR, f"{address} is called {confirmed[0]}, and that name leads back to it.")


def check_bounces(names: Names, domain: str) -> list[Finding]:
    """Can a bounce come back to the envelope's domain?"""
    hosts: Sequence[str] = names.mail_hosts(domain)
    mend = f"publish an MX of {domain} that leads to the server which takes your bounces"
    if hosts == [""]:
        return [wrong(MX, f"{domain} says that it takes no mail, so no bounce comes back.", mend)]
    if not hosts:
        if names.addresses(domain):
            says = f"{domain} has no MX; bounces go to its own address."
            return [note(MX, says, mend)]
        return [wrong(MX, f"{domain} has no MX, so no bounce comes back.", mend)]
    lost = [host for host in hosts if not names.addresses(host)]
    if lost:
        return [wrong(MX, f"the MX {lost[0]} of {domain} has no address.", mend)]
    return [ok(MX, f"bounces to {domain} come to {', '.join(hosts[:3])}.")]
