"""`tellal doctor`: is what mail needs in place, and what to do where it is not?"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from service.settings import load

if TYPE_CHECKING:
    from service.doctor import Resolver
    from service.doctor.spf import Address

EXIT_WRONG = 1


class _AddressType(click.ParamType[Any]):
    name = "ip address"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from ipaddress import ip_address

        try:
            return ip_address(value)
        except ValueError:
            self.fail(f"{value!r} is no IP address", param, ctx)


@click.command()
@click.option(
    "--sending-address",
    "sending",
    type=_AddressType(),
    multiple=True,
    help="IP address that your relay sends from, where it is another than it is reached at; "
    "may be repeated.",
)
@click.option("--recipient", default="", help="Whom the relay is asked to take a letter for.")
@click.option("--dns", "server", help="DNS server to ask, ADDRESS or ADDRESS:PORT.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def doctor(sending: tuple[Address, ...], recipient: str, server: str | None, as_json: bool) -> None:
    """Look at keys, database, broker, relay and the DNS of the mail domain; send nothing.

    Each line says how it is and, where something is wrong, how to mend it. Exit code 0: nothing is
    wrong; 1: something is, or could not be looked at.
    """
    from service import logs
    from service.doctor import examine
    from service.subscriptions.addresses import AddressError, normalise_email

    settings = load()
    logs.configure("CRITICAL")  # what is wrong is said in the lines below
    if recipient:
        try:
            recipient = normalise_email(recipient)
        except AddressError as error:
            raise click.BadParameter(str(error), param_hint="--recipient") from error
    findings = []
    for finding in examine(settings, _resolver(server), sending, recipient):
        findings.append(finding)
        if not as_json:
            mend = f" Do: {finding.mend}." if finding.mend else ""
            click.echo(f"{finding.level.value:6}  {finding.check:8}  {_shown(finding.says + mend)}")
    bad = sum(finding.level.is_bad for finding in findings)
    if as_json:
        shown = {"wrong": bad, "findings": [asdict(finding) for finding in findings]}
        click.echo(json.dumps(shown, ensure_ascii=False))
    else:
        click.echo(f"\n{bad} of {len(findings)} are wrong." if bad else "\nNothing is wrong.")
    if bad:
        raise SystemExit(EXIT_WRONG)


def _shown(text: str) -> str:
    """Without what would steer a terminal: parts of it come from the DNS and from the relay."""
    return "".join(c if c.isprintable() else "?" for c in text)


def _resolver(server: str | None) -> Resolver:
    from ipaddress import ip_address

    from service.doctor import Resolver

    if not server:
        return Resolver()
    address, colon, port = server.rpartition(":")
    if not colon or (":" in address and not address.startswith("[")):  # a bare IPv6 address
        address, port = server, "53"
    try:
        return Resolver([str(ip_address(address.strip("[]")))], int(port))
    except ValueError as error:
        raise click.BadParameter("as in 192.0.2.53 or 192.0.2.53:5353", param_hint="--dns") from (
            error
        )
