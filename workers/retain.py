"""Retention: forgets what may no longer be kept, in small steps (citizens guide, section 6)."""

from __future__ import annotations

import time
from collections import Counter
from datetime import timedelta

from sqlalchemy import Delete, Update, delete, null, select, update

from service.db import rows, utcnow
from service.ledger.partitions import make_ahead
from service.ledger.retention import Retention
from service.logs import get_logger
from service.models import Article, InboxEvent, MailboxMessage, OneTimeToken
from service.runtime import Runtime
from service.subscriptions import erasures
from service.subscriptions.forgetting import forget_people
from service.subscriptions.targets import forget_unproved
from service.subscriptions.trial import forget_trials

log = get_logger(__name__)

STEP = 1_000  # rows a transaction: the first run after a year must not hold a lock for minutes
RAW_BODY_DAYS = 14
MAIL_BODY_DAYS = 7
TOKEN_DAYS = 7  # after the token's own end
ADDRESSES_S = 60.0
LEDGER_S = 420.0  # a task may run for nine minutes; what is left of the ledger goes the next night
WITHDRAWAL_DAYS = 7  # of an article never seen: how long an older `published` counts as late


def forget_expired(runtime: Runtime) -> None:
    """Drop raw webhook bodies, mails of the built-in mailbox, dead tokens, the times of withdrawals
    without an article, chats that nobody proved, and addresses that only got a test letter, that
    nobody confirmed, or whose last subscription ended, past their time. Whoever a backup brought
    back is erased again."""
    now = utcnow()
    old_bodies = (
        select(InboxEvent.id)
        .where(InboxEvent.received_at < now - timedelta(days=RAW_BODY_DAYS))
        .where(InboxEvent.sealed_body.is_not(None))
        .limit(STEP)
    )
    old_mails = (
        select(MailboxMessage.id)
        .where(MailboxMessage.at < now - timedelta(days=MAIL_BODY_DAYS))
        .limit(STEP)
    )
    old_tokens = (
        select(OneTimeToken.id)
        .where(OneTimeToken.expires_at < now - timedelta(days=TOKEN_DAYS))
        .limit(STEP)
    )
    old_withdrawals = (
        select(Article.id)
        .where(Article.revision_id.is_(None), Article.source_updated_at.is_not(None))
        .where(Article.withdrawn_at < now - timedelta(days=WITHDRAWAL_DAYS))
        .limit(STEP)
    )
    for name, statement in (
        (
            "raw bodies",
            update(InboxEvent)
            .where(InboxEvent.id.in_(old_bodies))
            .values(sealed_body=None, headers=null()),
        ),
        (
            "withdrawals",
            update(Article).where(Article.id.in_(old_withdrawals)).values(source_updated_at=None),
        ),
        ("mails", delete(MailboxMessage).where(MailboxMessage.id.in_(old_mails))),
        ("tokens", delete(OneTimeToken).where(OneTimeToken.id.in_(old_tokens))),
    ):
        log.info("forgotten", what=name, rows=_in_steps(runtime, statement))
    with runtime.db.write() as session:
        log.info("forgotten", what="addresses of test letters", rows=forget_trials(session))
    with runtime.db.write() as session:
        log.info("forgotten", what="unproved chats", rows=forget_unproved(session, now))
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
