"""The chore of the canaries: what each should have heard by now, and whether it did.

What is fetched is fetched between two transactions. Two at once, or one that dies anywhere, do no
harm: a proof and a miss are each noted once, and the next look begins from what is noted.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from service.db import utcnow
from service.feeds.texts import article_tag
from service.ledger import canary as ledger
from service.ledger.canary import Expected
from service.logs import get_logger
from service.models import Canary, CanaryKind
from service.outbound import FetchFailed, FetchRefused, fetch, origin_of
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions.canaries import arrange

log = get_logger(__name__)


def watch_canaries(runtime: Runtime) -> None:
    """Look at each canary once; without any in the settings, take away what was there."""
    settings, now = runtime.settings, utcnow()
    with runtime.db.write() as session:
        wrong = arrange(session, runtime.vault, settings, now)
        kinds = [CanaryKind(kind) for kind in session.scalars(select(Canary.kind))]
        ledger.note_absent(session, kinds, wrong, now)
    for kind in kinds:
        _watch(runtime, kind, wrong.get(kind, ""), now)
    for name, said in wrong.items():
        log.warning("canary not as it should be", kind=name, reason=said)


def _watch(runtime: Runtime, kind: CanaryKind, wrong: str, now: datetime) -> None:
    limit = timedelta(seconds=runtime.settings.canary_limit_s)
    with runtime.db.read() as session:
        canary = session.get_one(Canary, kind)
        waiting = ledger.expected(session, canary, now)
        late = ledger.missed_ids(session, canary, now)
    said = wrong
    if kind == CanaryKind.FEED:
        proofs, said = _in_feed(runtime.settings, waiting, now)
    else:
        proofs = {}
    with runtime.db.write() as session:
        canary = session.get_one(Canary, kind)
        if kind != CanaryKind.FEED and not _needs_arrival(runtime.settings, kind):
            ids = [one.notification_id for one in waiting] + late
            proofs = {number: at or now for number, at in ledger.accepted(session, canary, ids)}
        session.execute(
            update(Canary).where(Canary.kind == kind).values(looked_at=now, said=said[:300])
        )
        for number, at in proofs.items():
            ledger.prove(session, kind, number, at)
        unproved = [one for one in waiting if one.notification_id not in proofs]
        missed = ledger.miss(session, canary, unproved, limit, now)
        ledger.clear_if_heard(session, kind, now)
    log.info("canary", kind=kind, proved=len(proofs), missed=missed)


def _needs_arrival(settings: Settings, kind: CanaryKind) -> bool:
    """Where what comes back of mail is read, a letter proves itself by coming back."""
    intake = settings.bounce_lmtp or settings.bounce_imap_url.get_secret_value()
    return kind == CanaryKind.EMAIL and bool(intake)


def _in_feed(
    settings: Settings, waiting: list[Expected], now: datetime
) -> tuple[dict[int, datetime], str]:
    """What of this the public feed holds, and what kept us from seeing it."""
    if not waiting:
        return {}, ""
    url = settings.canary_feed
    try:
        found = fetch(
            url,
            [origin_of(url)],
            settings.allow_private_hosts,
            user_agent=settings.user_agent,
        )
    except (FetchRefused, FetchFailed) as error:
        return {}, str(error)
    if found.status != 200:
        return {}, f"the feed answered {found.status}"
    text = found.content.decode("utf-8", "replace")
    proofs = {
        one.notification_id: now
        for one in waiting
        if _stands_in(
            text, article_tag(settings.mail_from.rpartition("@")[2], one.created_at, one.article_id)
        )
    }
    return proofs, ""


def _stands_in(text: str, tag: str) -> bool:
    """The id of article 7 is no beginning of that of article 71."""
    return any(tag + end in text for end in ("<", '"'))
