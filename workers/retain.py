"""Retention: forgets what may no longer be kept, in small steps (citizens guide, section 6)."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Delete,
    Update,
    delete,
    exists,
    inspect,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.orm import QueryableAttribute, Session

from service.db import rows, utcnow
from service.feeds import hub_forgetting
from service.jobs.import_rules import forget_old
from service.ledger.partitions import make_ahead
from service.ledger.retention import Retention
from service.logs import get_logger
from service.models import (
    Article,
    CanaryProof,
    FeedDeparture,
    ImportRun,
    InboxEvent,
    Job,
    JobFile,
    MailboxMessage,
    OneTimeToken,
    SentMessage,
    TemplateDraft,
    TopicDraft,
    WebsubRequest,
)
from service.runtime import Runtime
from service.settings import Settings
from service.subscriptions import erasures
from service.subscriptions.forgetting import forget_people
from service.subscriptions.targets import forget_unproved
from service.subscriptions.trial import forget_trials

log = get_logger(__name__)

STEP = 1_000  # rows a transaction: the first run after a year must not hold a lock for minutes
ADDRESSES_S = 60.0
LEDGER_S = 420.0  # a task may run for nine minutes; what is left of the ledger goes the next night


@dataclass(frozen=True)
class Rule:
    """What is forgotten, how long after its moment, and which rows those are. `days` may name the
    setting that says so."""

    what: str
    days: int | str
    moment: QueryableAttribute[Any]
    act: Update | Delete
    only: Sequence[ColumnElement[bool]] = ()

    def statement(self, settings: Settings, now: datetime) -> Update | Delete:
        """Does it for one step of rows."""
        keys = inspect(self.moment.class_).primary_key
        days = getattr(settings, self.days) if isinstance(self.days, str) else self.days
        old = select(*keys).where(self.moment < now - timedelta(days=days), *self.only).limit(STEP)
        return self.act.where(tuple_(*keys).in_(old) if len(keys) > 1 else keys[0].in_(old))


RULES = (
    Rule(
        what="raw bodies",
        days=14,
        moment=InboxEvent.received_at,
        act=update(InboxEvent).values(sealed_body=None, headers=null()),
        only=(InboxEvent.sealed_body.is_not(None),),
    ),
    Rule(  # of an article never seen: how long an older `published` counts as late
        what="withdrawals",
        days=7,
        moment=Article.withdrawn_at,
        act=update(Article).values(source_updated_at=None),
        only=(Article.revision_id.is_(None), Article.source_updated_at.is_not(None)),
    ),
    Rule(what="mails", days=7, moment=MailboxMessage.at, act=delete(MailboxMessage)),
    # Feeds tell of a withdrawal for two weeks before their last change.
    Rule(what="departures from feeds", days=60, moment=FeedDeparture.at, act=delete(FeedDeparture)),
    Rule(what="tokens", days=7, moment=OneTimeToken.expires_at, act=delete(OneTimeToken)),
    Rule(what="hub requests", days=7, moment=WebsubRequest.created_at, act=delete(WebsubRequest)),
    # Whom a correction goes to is known for so long, and longer none is sent.
    Rule(
        what="numbers of chat messages",
        days="ledger_days",
        moment=SentMessage.at,
        act=delete(SentMessage),
    ),
    Rule(
        what="proofs of canaries",
        days=30,
        moment=CanaryProof.released_at,
        act=delete(CanaryProof),
    ),
    Rule(what="drafts", days=90, moment=TemplateDraft.at, act=delete(TemplateDraft)),
    # Files first: no job goes before its last file.
    Rule(
        what="files of jobs",
        days="job_file_days",
        moment=JobFile.created_at,
        act=delete(JobFile),
    ),
    Rule(
        what="jobs",
        days=365,
        moment=Job.ended_at,
        act=delete(Job),
        only=(
            ~exists().where(JobFile.job_id == Job.id),
            # What an import or a draft says of itself it says by its jobs.
            ~exists().where(
                or_(
                    ImportRun.check_job_id == Job.id,
                    ImportRun.store_job_id == Job.id,
                    ImportRun.undo_job_id == Job.id,
                )
            ),
            ~exists().where(TopicDraft.job_id == Job.id),
        ),
    ),
)
# Rules that need more than a statement; each says itself how long it waits.
FORGETTERS: Mapping[str, Callable[[Session, datetime], int]] = {
    "addresses of test letters": lambda session, now: forget_trials(session),
    "unproved chats": forget_unproved,
    "lists of imports": forget_old,
    "leases of the hub": hub_forgetting.end_expired,
    "callbacks of the hub": hub_forgetting.forget,
}


def forget_expired(runtime: Runtime) -> None:
    """Drop what is past its time: by the rules above, then the addresses of people, then the
    ledger's rows. Whoever a backup brought back is erased again."""
    now = utcnow()
    for rule in RULES:
        statement = rule.statement(runtime.settings, now)
        log.info("forgotten", what=rule.what, rows=_in_steps(runtime, statement))
    for what, forgetter in FORGETTERS.items():
        with runtime.db.write() as session:
            log.info("forgotten", what=what, rows=forgetter(session, now))
    try:
        again = erasures.apply(runtime.db, runtime.settings, now)
        log.info("forgotten", what="people whom a backup brought back", rows=again)
    except OSError as error:  # the rest must not wait for whoever mends the file
        log.error("the file of erasures cannot be read", error=type(error).__name__)
    forget_addresses(runtime)
    for partition in make_ahead(runtime.db, now):
        log.info("partition made", lower=partition.lower, upper=partition.upper)
    forget_deliveries(runtime)


def forget_addresses(runtime: Runtime) -> None:
    """Empty addresses that nobody confirmed or that have been over for long, for as long as a task
    may run."""
    until, done = time.monotonic() + ADDRESSES_S, 0
    for step in forget_people(runtime.db, utcnow()):
        done += step
        if time.monotonic() > until:
            log.warning("retention of addresses goes on tomorrow", rows=done)
            break
    log.info("forgotten", what="addresses", rows=done)


def forget_deliveries(runtime: Runtime) -> None:
    """Turn old deliveries into counts, for as long as a task may run."""
    retention = Retention.of(runtime.db, runtime.settings)
    until = time.monotonic() + LEDGER_S
    done = Counter[str]()
    for step in retention.steps(utcnow()):
        done[step.what] += step.count
        if time.monotonic() > until:
            log.warning("retention goes on tomorrow", **done)
            break
    log.info("forgotten", what="deliveries", **done)


def _in_steps(runtime: Runtime, statement: Update | Delete) -> int:
    total = 0
    while True:
        with runtime.db.write() as session:
            done = rows(session, statement.execution_options(synchronize_session=False))
        total += done
        if done < STEP:
            return total
