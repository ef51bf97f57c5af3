"""`tellal audit`: does the ledger add up?"""

from __future__ import annotations

import click

from service.cli.opened import opened_runtime

EXIT_WRONG = 1


@click.command()
def audit() -> None:
    """Check the ledger (planned = the sum of all outcomes); exit 1 when it does not add up."""
    from service.ledger.audit import audit as find

    with opened_runtime() as runtime, runtime.db.read() as session:
        findings = [str(finding) for finding in find(session)]
    for finding in findings:
        click.echo(finding)
    if findings:
        click.echo(f"The ledger does not add up: {len(findings)} findings.", err=True)
        raise SystemExit(EXIT_WRONG)
    click.echo("The ledger adds up.")
