"""One poll of one source: its listing, then the pages it leads to, then those it misses.

Between two requests to the site there is a transaction for what the first one brought; each begins
with the lease, so that a poll which was overtaken stops there.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError

from service.db import utcnow
from service.ingest.listing import Entry, Listing, ListingError
from service.ingest.mapping import Mapped
from service.ingest.presets import Preset, load_presets
from service.ingest.pull_rules import RulesError, load_rules
from service.ingest.pulling import admitting, alarming, leasing, missing
from service.ingest.pulling.admitting import Admission, Work
from service.ingest.pulling.alarming import Alarm
from service.ingest.pulling.keeping import keep, put_off
from service.ingest.pulling.leasing import LeaseLost, Poll
from service.ingest.pulling.missing import Suspect
from service.logs import get_logger
from service.outbound import FetchFailed, FetchRefused
from service.runtime import Runtime
from service.tasks import Task
from service.turns import NotNow, Turn
from workers.pull.entries import EntryReader, UnreadableError
from workers.pull.listings import ask_listing
from workers.pull.site import BudgetSpentError, DisallowedError, Site

log = get_logger(__name__)

EMPTIED = 0.2  # of what the last listing had
MAX_AWAY = 3  # pages that got no answer: the site is unwell, and is left in peace


def poll_source(runtime: Runtime, source_id: int) -> None:
    """Poll a source if it is due and nobody else does; a second run changes nothing."""
    try:
        with runtime.turns.of(source_id) as turn:
            with runtime.db.write() as session:
                poll = leasing.take(session, source_id, utcnow())
            if poll is not None:
                _poll(runtime, poll, turn)
    except NotNow:
        return  # it stays due, and the sweeper rings again


def _poll(runtime: Runtime, poll: Poll, turn: Turn) -> None:
    slug = poll.source.slug
    try:
        _Polling(runtime, poll).run()
    except LeaseLost:
        log.info("poll overtaken", source=slug)
    except DisallowedError as error:
        log.error("pull paused", source=slug, reason=str(error))
        _end(runtime, poll, str(error), is_paused=True)
    except (FetchFailed, FetchRefused, ListingError, RulesError, BudgetSpentError) as error:
        turn.is_away = isinstance(error, FetchFailed)
        reason = str(error) or "the site takes too long"
        log.warning("poll failed", source=slug, reason=reason)
        alarm = alarming.unreadable(poll) if isinstance(error, ListingError) else None
        retry_after_s = getattr(error, "retry_after_s", None)
        _end(runtime, poll, reason, retry_after_s=retry_after_s, alarm=alarm)
    except (OperationalError, InterfaceError):
        raise  # the database is away: the lease ends by itself
    except Exception as error:
        log.exception("poll broke", source=slug)
        _end(runtime, poll, f"broke on our side: {type(error).__name__}")


def _end(
    runtime: Runtime,
    poll: Poll,
    reason: str,
    *,
    is_paused: bool = False,
    retry_after_s: float | None = None,
    alarm: Alarm | None = None,
) -> None:
    now = utcnow()
    try:
        with runtime.db.write() as session:
            if is_paused:
                leasing.pause(session, poll, now, reason)
            else:
                # A site that is only away says nothing of what alarmed before.
                values = _alarmed(poll, alarm, now) if alarm is not None else {}
                leasing.fail(session, poll, now, reason, retry_after_s, **values)
    except LeaseLost:
        return


def _alarmed(poll: Poll, alarm: Alarm | None, now: datetime) -> dict[str, Any]:
    """Said once in the log, and kept for staff as long as it lasts."""
    if alarm is not None and alarm.kind != poll.pull.alarm:
        log.error("pull alarm", source=poll.source.slug, kind=alarm.kind.value, text=alarm.text)
    return alarming.columns(poll, alarm, now)


@lru_cache(maxsize=2)
def _presets(folder: Path) -> dict[str, Preset]:
    return load_presets(folder)


class _Polling:
    """A poll under way."""

    def __init__(self, runtime: Runtime, poll: Poll) -> None:
        config = runtime.settings.config_dir
        self._runtime = runtime
        self._poll = poll
        self._rules = load_rules(config, poll.pull.rules)
        self._site = Site(runtime.settings, poll.source, poll.pull)
        self._reader = EntryReader(self._site, poll, self._rules, _presets(config / "presets"))
        self._request_id = f"pull-{secrets.token_hex(8)}"

    def run(self) -> None:
        """List, admit, read, look for what is missing, and say when to come again."""
        poll = self._poll
        with self._runtime.db.read() as session:
            must_list = admitting.needs_listing(session, poll, utcnow())
        asked = ask_listing(self._site, poll, self._rules, utcnow(), is_conditional=not must_list)
        listing = asked.listing
        if listing is None:
            self._look_for_missing(None)
            self._succeed(reason="")
            return
        entries = self._at_home(listing)
        emptied = self._emptied(listing, len(entries))
        admission = self._admit(listing, entries)
        is_done = self._read(admission)
        if emptied is None:
            self._look_for_missing(None if listing.is_partial else admission.listed)
        values = dict(asked.values)
        if emptied is not None or not is_done:
            values |= {"etag": "", "last_modified": ""}
        if entries and emptied is None and not listing.is_partial:
            values["last_count"] = len(entries)
        self._succeed(emptied, reason=self._remark(admission, bool(entries)), **values)

    def _at_home(self, listing: Listing) -> list[Entry]:
        home = admitting.home_of(self._poll.source, self._poll.pull)
        found = [entry for entry in listing.entries if entry.is_on(home)]
        foreign = len(listing.entries) - len(found)
        if foreign:
            log.warning("links to foreign hosts", source=self._poll.source.slug, count=foreign)
        return found

    def _emptied(self, listing: Listing, count: int) -> Alarm | None:
        """A listing that lost nearly everything is a fault of the site, and alarms staff."""
        before = self._poll.pull.last_count
        if listing.is_partial:
            return alarming.still_emptied(self._poll)
        return alarming.emptied(count, before) if count < EMPTIED * before else None

    def _admit(self, listing: Listing, entries: list[Entry]) -> Admission:
        with self._runtime.db.write() as session:
            admission = admitting.admit(session, self._poll, entries, utcnow())
            if not listing.is_partial:
                admitting.give_up_unlisted(session, self._poll, entries, utcnow())
            whole = {entry.key for entry in entries if entry.is_whole}
            if whole:
                missing.note_listed(session, admission.listed)
        if admission.asking:
            log.error("too much at once", source=self._poll.source.slug, items=admission.asking)
        return admission

    def _read(self, admission: Admission) -> bool:
        """Read what is due; false where something is left for the next poll."""
        away = 0
        for work in admission.work:
            try:
                mapped = self._reader.read(work.entry)
            except BudgetSpentError:
                return False
            except UnreadableError as error:
                away += error.is_away
                self._put_off(work, error)
                if away >= MAX_AWAY:
                    return False
            else:
                self._keep(work, mapped)
        return not admission.has_more

    def _keep(self, work: Work, mapped: Mapped) -> None:
        with self._runtime.db.write() as session:
            kept = keep(session, self._poll, work, mapped, utcnow(), self._request_id)
        if kept.waiting is not None:
            self._runtime.doorbell.ring(Task.CLASSIFY_REVISION, kept.waiting)
        if kept.is_found:
            log.info("found by poll", source=self._poll.source.slug, request_id=self._request_id)

    def _put_off(self, work: Work, error: UnreadableError) -> None:
        """Try again later; when that is over, what the listing says has to do."""
        slug, url = self._poll.source.slug, work.entry.url
        log.warning("entry unread", source=slug, url=url, reason=str(error))
        article_id = work.item.article_id
        if error.status in missing.GONE and article_id is not None:
            self._note_answer(missing.Suspect(article_id, url), error.status)
            return
        with self._runtime.db.write() as session:
            failures = put_off(session, self._poll, work, utcnow())
        is_over = error.is_final or failures >= admitting.MAX_FAILURES
        teaser = self._reader.teaser(work.entry) if is_over else None
        if teaser is not None:
            self._keep(work, teaser)

    def _look_for_missing(self, listed: frozenset[int] | None) -> None:
        with self._runtime.db.read() as session:
            found = missing.suspects(session, self._poll, listed, utcnow())
        for suspect in found:
            if not self._site.has(suspect.url):
                continue
            try:
                answer = self._site.get(suspect.url)
            except BudgetSpentError:
                return
            except (FetchFailed, FetchRefused, DisallowedError) as error:
                log.info("page of a missing article unread", url=suspect.url, reason=str(error))
                continue
            self._note_answer(suspect, answer.status)

    def _note_answer(self, suspect: Suspect, status: int) -> None:
        poll, request_id = self._poll, self._request_id
        with self._runtime.db.write() as session:
            gone = missing.note_answer(session, poll, suspect, status, utcnow(), request_id)
        if gone:
            log.warning("withdrawn by poll", source=poll.source.slug, url=suspect.url)

    def _remark(self, admission: Admission, has_entries: bool) -> str:
        if admission.asking:
            return f"{admission.asking} new articles at once: say whether they are news"
        is_new = self._poll.pull.baseline_at is None
        return "the listing has no articles yet" if is_new and not has_entries else ""

    def _succeed(self, alarm: Alarm | None = None, **values: Any) -> None:
        now = utcnow()
        with self._runtime.db.write() as session:
            alarm = alarm or alarming.quiet(session, self._poll, now)
            values |= _alarmed(self._poll, alarm, now)
            leasing.succeed(session, self._poll, now, **values)
