"""Sources: added, changed, given a new secret; every change is in the log of acts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.ingest import credentials
from service.ingest.credentials import CredentialError
from service.ingest.managing.fields import N_, SETTINGS, SourceError, Wrong, checked, wrong
from service.ingest.presets import Preset
from service.models import Source
from service.outbound import origin_of

MAX_SECRET = 1000
MAX_TOKEN = 4000


@dataclass(frozen=True)
class Credential:
    """What proves a source, in clear: it is shown once. `is_given`: the CMS made it."""

    source: Source
    secret: str
    is_given: bool


def all_sources(session: Session) -> Sequence[Source]:
    """Every source, by its short name. There are as many as a city has sites: few."""
    return session.scalars(select(Source).order_by(Source.slug)).all()


def locked(session: Session, source_id: int) -> Source | None:
    """A source that nobody else changes before the commit; null where there is none."""
    return session.get(Source, source_id, with_for_update=True, populate_existing=True)


def add(
    session: Session,
    vault: Vault,
    presets: Mapping[str, Preset],
    actor: Actor | None,
    *,
    slug: str,
    preset: str,
    scheme: str | None = None,
    secret: str | None = None,
    api_token: str | None = None,
    **settings: Any,
) -> Credential:
    """Add a source. Null settings are the defaults, a null scheme the preset's first, a null secret
    a new one.

    Raises:
        SourceError: each field that cannot be so; nothing was stored.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    errors: list[Wrong] = []
    values: dict[str, Any] = {}
    try:
        values = checked({"slug": slug, **given})
    except SourceError as error:
        errors += error.wrong
    try:
        scheme = _scheme(presets, preset, scheme)
        _check_identifier(scheme, str(given.get("identifier", "")))
        _check_secret(scheme, secret)
    except SourceError as error:
        errors += error.wrong
    if errors or scheme is None:
        raise SourceError(*errors)
    if api_token:
        values["sealed_token"] = vault.encrypt(_token(api_token))
    try:
        with session.begin_nested():
            plain = store(session, vault, preset=preset, scheme=scheme, secret=secret, **values)
    except IntegrityError:
        text = N_("There is a source “%(given)s” already; choose another short name.")
        raise wrong("slug", text, given=slug) from None
    row = session.scalars(select(Source).where(Source.slug == slug)).one()
    acts.record(
        session, vault, actor, "source.add", row.id, slug=slug, preset=preset, scheme=scheme
    )
    return Credential(row, plain, secret is not None)


def change(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    source: Source,
    *,
    api_token: str | None = None,
    **settings: Any,
) -> list[str]:
    """Change what is given of a `locked` source; returns the names of what is other than before.

    `api_token`: null leaves it, an empty one takes it away.

    Raises:
        SourceError: each field that cannot be so; nothing was changed.
    """
    assert settings.keys() <= SETTINGS
    values = checked(settings)
    if "identifier" in values:
        _check_identifier(source.scheme, values["identifier"])
    before = {name: getattr(source, name) for name in values}
    changed = {name: value for name, value in values.items() if before[name] != value}
    if source.sealed_token and api_token is None and _leads_elsewhere(before, changed):
        text = N_("The token is for the address before: write one for this address, or remove it.")
        raise wrong("api_token", text)
    names = sorted(changed)
    for name in names:
        setattr(source, name, changed[name])
    detail: dict[str, Any] = {name: [_noted(before[name]), _noted(changed[name])] for name in names}
    if api_token is not None:
        source.sealed_token = vault.encrypt(_token(api_token)) if api_token else None
        names, detail["api_token"] = [*names, "api_token"], "set" if api_token else "removed"
    if names:
        acts.record(session, vault, actor, "source.change", source.id, changed=detail)
    return names


def rotate(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    source: Source,
    now: datetime,
    secret: str | None = None,
) -> Credential:
    """Give a `locked` source a new secret; the one before is taken for seven more days.

    Raises:
        SourceError: no request could ever be proved with the given one.
    """
    _check_secret(source.scheme, secret)
    plain = secret or credentials.new_credential(source.scheme)
    credentials.rotate(source, vault, plain, now)
    acts.record(
        session, vault, actor, "source.rotate", source.id, previous_until=source.previous_until
    )
    return Credential(source, plain, secret is not None)


def store(
    session: Session,
    vault: Vault,
    slug: str,
    preset: str = "tellal",
    scheme: str = "standard",
    secret: str | None = None,
    **values: Any,
) -> str:
    """Insert a source whose values were checked, and return its secret; null: the default."""
    secret = secret or credentials.new_credential(scheme)
    row = Source(
        slug=slug,
        preset=preset,
        scheme=scheme,
        sealed_secret=vault.encrypt(secret),
        **{name: value for name, value in values.items() if value is not None},
    )
    session.add(row)
    session.flush()
    return secret


def _scheme(presets: Mapping[str, Preset], name: str, scheme: str | None) -> str:
    preset = presets.get(name)
    if preset is None:
        raise wrong("preset", N_("Select what kind of CMS it is."))
    if not scheme:
        return preset.signature[0]
    if scheme not in preset.signature:
        text = N_("%(title)s does not prove itself by “%(given)s”; possible are %(known)s.")
        known = ", ".join(preset.signature)
        raise wrong("scheme", text, title=preset.title, given=scheme[:32], known=known)
    return scheme


def _check_identifier(scheme: str, identifier: str) -> None:
    if scheme == "typo3" and not identifier.strip():
        raise wrong("identifier", N_("TYPO3 signs the webhook’s identifier too: write it here."))


def _leads_elsewhere(before: Mapping[str, Any], changed: Mapping[str, Any]) -> bool:
    """Whether a stored token would be sent to somebody else than it was given for."""
    old, new = before.get("api_url"), changed.get("api_url")
    return bool(new) and (not old or origin_of(str(old)) != origin_of(str(new)))


def _check_secret(scheme: str, secret: str | None) -> None:
    """The text never repeats the secret."""
    if secret is None:
        return
    try:
        credentials.check_credential(scheme, secret[: MAX_SECRET + 1])
        if len(secret) > MAX_SECRET:
            raise CredentialError("it is too long")
    except CredentialError:
        if scheme == "standard":
            text = N_("The secret must be whsec_ and base64, as Standard Webhooks say.")
        else:
            text = N_("The secret must be one line of at least 8 characters.")
        raise wrong("secret", text) from None


def _noted(value: Any) -> Any:
    """A setting as the log has it: the query of an address may hold a key."""
    return value.partition("?")[0] if isinstance(value, str) else value


def _token(token: str) -> str:
    token = token.strip()
    if len(token) > MAX_TOKEN or not token.isprintable():
        raise wrong("api_token", N_("The token must be one line of plain letters."))
    return token
