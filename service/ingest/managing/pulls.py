"""What staff say of a pull: where to look, whether to look, and what was found there; recorded."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.ingest.managing.fields import MAX_ADDRESS, N_, wrong
from service.ingest.pull_rules import RulesError, load_rules
from service.ingest.pulling import setting
from service.models import Pull, PullKind, Source
from service.outbound import origin_of
from service.settings import Settings

MAX_RULES = 20_000  # characters


class PullAct(StrEnum):
    """What can be said to a pull that is set."""

    NOW = "now"
    PAUSE = "pause"
    RESUME = "resume"
    NEWS = "news"  # what was too much at once is news
    ARCHIVE = "archive"  # it is not; tell nobody


def configure(
    session: Session,
    vault: Vault,
    settings: Settings,
    actor: Actor | None,
    source: Source,
    now: datetime,
    *,
    kind: str | None = None,
    url: str | None = None,
    rules: str | None = None,
) -> None:
    """Look there from now on; null leaves it as it was. What is there at first is the archive.

    `rules`: keys of `config/pull/default.toml`, as TOML.

    Raises:
        SourceError: what is not set yet is missing, or cannot be so.
    """
    old = session.get(Pull, source.id)
    kind = kind or (old.kind if old else None)
    url = (url or (old.url if old else "")).strip()
    if not kind or not url:
        field = "url" if kind else "kind"
        raise wrong(field, N_("Say what the listing is, and where it is."))
    if kind not in set(PullKind):
        raise wrong("kind", N_("“%(given)s” is no kind of listing."), given=kind[:32])
    checked_address(settings, url)
    own: dict[str, Any] = old.rules if old else {}
    if rules is not None:
        own = parsed_rules(settings, rules)
    setting.configure(session, source.id, PullKind(kind), url, own, now)
    where = url.partition("?")[0]  # a query may hold a key
    acts.record(session, vault, actor, "source.pull", source.id, kind=kind, url=where)


def act(
    session: Session,
    vault: Vault,
    actor: Actor | None,
    source: Source,
    what: PullAct,
    now: datetime,
) -> int | None:
    """Do one thing to a pull; for news and archive, how many articles were decided about.

    Raises:
        SourceError: it is not set, or not in a state in which that could be done.
    """
    row = session.get(Pull, source.id)
    if row is None:
        raise wrong(
            "act", N_("%(slug)s is not pulled yet: say first where to look."), **_of(source)
        )
    count = None
    if what in (PullAct.NEWS, PullAct.ARCHIVE):
        count = setting.accept(session, source.id, now, is_news=what == PullAct.NEWS)
        if count is None:
            text = N_("nothing is asked about %(slug)s; it is %(state)s")
            raise wrong("act", text, **_of(source), state=str(row.state))
    elif what == PullAct.PAUSE:
        setting.pause(session, source.id)
    elif what == PullAct.RESUME and not setting.resume(session, source.id, now):
        text = N_("Decide first whether what was found is news or archive.")
        raise wrong("act", text)
    elif what == PullAct.NOW and not setting.poll_now(session, source.id, now):
        text = N_("%(slug)s is %(state)s: %(reason)s")
        raise wrong("act", text, **_of(source), state=str(row.state), reason=row.reason)
    acts.record(session, vault, actor, f"source.pull-{what}", source.id, articles=count)
    session.flush()
    return count


def parsed_rules(settings: Settings, text: str) -> dict[str, Any]:
    """The rules that a TOML text holds.

    Raises:
        SourceError: it has mistakes; each is named.
    """
    try:
        if len(text) > MAX_RULES:
            raise ValueError(f"longer than {MAX_RULES} characters")
        own = tomllib.loads(text)
        load_rules(settings.config_dir, own)
    except (RulesError, ValueError, RecursionError) as error:
        raise wrong(
            "rules", N_("The rules have mistakes: %(said)s"), said=str(error)[:500]
        ) from None
    return own


def rules_text(rules: Mapping[str, Any]) -> str:
    """Rules as the TOML that says them: texts and lists of texts, each of which JSON writes as TOML
    does."""
    return "\n".join(
        f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in rules.items()
    )


def checked_address(settings: Settings, url: str) -> None:
    """The guard checks each fetch again; here the mistake is said to who made it.

    Raises:
        SourceError: it is no address of the web, or not https.
    """
    try:
        origin_of(url)
        parts = urlsplit(url)
        if len(url) > MAX_ADDRESS or "@" in parts.netloc:
            raise ValueError(url)
    except ValueError:
        text = N_("“%(given)s” is no address, as https://www.example.bel.tr/feed/")
        raise wrong("url", text, given=url[:100]) from None
    if not url.startswith("https://") and parts.hostname not in settings.allow_private_hosts:
        raise wrong("url", N_("“%(given)s” is not https."), given=url[:100])


def _of(source: Source) -> dict[str, str]:
    return {"slug": source.slug}
