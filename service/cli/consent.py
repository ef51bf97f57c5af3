"""`tellal consent`: what the consent ledger proves of an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.models import Consent


@click.group()
def consent() -> None:
    """Prove consents: the ledger keeps hashes, so it answers about an address that you name."""


@consent.command()
@click.argument("address")
def prove(address: str) -> None:
    """Print every act of ADDRESS: what was asked, confirmed and withdrawn, when, and the text."""
    from sqlalchemy import select

    from service.models import Consent
    from service.subscriptions.addresses import AddressError, address_hash, normalise_email

    try:
        normal = normalise_email(address)
    except AddressError as error:
        raise Refusal(str(error)) from error
    with opened_runtime() as runtime, runtime.db.read() as session:
        hashed = address_hash(runtime.vault, "email", normal)
        acts = session.scalars(
            select(Consent).where(Consent.address_hash == hashed).order_by(Consent.id)
        ).all()
        for one in acts:
            for line in _lines(session, one):
                click.echo(line)
    if not acts:
        click.echo("The ledger knows nothing of this address.")


def _lines(session: Session, one: Consent) -> list[str]:
    from service.subscriptions.notices import by_hash

    how = one.how or one.origin
    lines = [f"{one.at:%Y-%m-%d %H:%M:%S} UTC\t{one.act}\t{one.channel}\t{one.language}\t{how}"]
    if one.text_hash:
        text = by_hash(session, one.text_hash)
        said = f"version {text.version}: {text.text}" if text else "a text before the versions"
        lines.append(f"\ttext {one.text_hash[:16]}\t{said}")
    if one.notice_version is not None:
        lines.append(f"\tprivacy notice, version {one.notice_version}")
    return lines + [f"\t{_choice(session, choice)}" for choice in one.choices]


def _choice(session: Session, choice: dict[str, object]) -> str:
    """What was chosen, by names: as a list of ids, as one subscription, or whatever else it is."""
    from sqlalchemy import select

    from service.models import Place, Topic

    def names(model: type[Topic] | type[Place], value: object, everything: str) -> str:
        ids = value if isinstance(value, list) else [value]
        if ids == [None]:
            return everything
        found = session.scalars(select(model.slug).where(model.id.in_(ids)).order_by(model.id))
        return ", ".join(found) or "none that still exist"

    if "frequency" not in choice:
        return ", ".join(f"{name}: {value}" for name, value in choice.items())
    topics = names(Topic, choice.get("topics", choice.get("topic")), "all topics")
    places = names(Place, choice.get("places", choice.get("place")), "the whole city")
    return f"{topics} – {places}, {choice['frequency']}"
