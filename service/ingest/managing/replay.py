"""The failed events of a source, read again as a job: after its preset or its CMS was mended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service import acts
from service.acts import Actor
from service.crypto import Vault
from service.ingest.managing.fields import N_, wrong
from service.ingest.presets import Preset, PresetError, load_presets
from service.ingest.replaying import replay_some
from service.jobs import queue
from service.jobs.kind import JobError, Kind
from service.models import InboxEvent, Job, JobState, Source, Verdict
from service.runtime import Runtime

KIND = "source-replay"
PIECE = 10  # events of one piece; each is a transaction of its own


def start(session: Session, vault: Vault, actor: Actor, source: Source) -> Job:
    """Start the job in the caller's transaction; `queue.ring` for it after the commit.

    Raises:
        SourceError: the source is paused, or such a job of it runs already.
    """
    if source.is_paused:
        raise wrong("replay", N_("%(slug)s is paused: resume it first."), slug=source.slug)
    unfinished = (Job.state.in_((JobState.QUEUED, JobState.RUNNING)), Job.kind == KIND)
    for job in session.scalars(select(Job).where(*unfinished)):
        if job.params.get("source_id") == source.id:
            raise wrong("replay", N_("Its failed events are being read again already."))
    job = queue.start(session, KIND, actor.staff_id, source_id=source.id, slug=source.slug)
    acts.record(session, vault, actor, "source.replay", source.id, job=job.id)
    return job


class SourceReplay(Kind):
    """An event that is read again is failed no more, or has failed again: a piece that is done
    twice finds nothing to do for those that went well."""

    power = "sources"

    def count(self, runtime: Runtime, job: Job) -> int | None:
        """Those of this moment."""
        query = (
            select(func.count())
            .select_from(InboxEvent)
            .where(InboxEvent.source_id == job.params["source_id"])
            .where(InboxEvent.verdict == Verdict.FAILED, InboxEvent.sealed_body.is_not(None))
        )
        with runtime.db.read() as session:
            return session.scalar(query)

    def work(self, runtime: Runtime, job: Job) -> Any | None:
        """Read the next few again, the oldest first."""
        presets = _presets(runtime)
        with runtime.db.read() as session:
            source = session.get(Source, job.params["source_id"])
            if source is None or source.is_paused:
                raise JobError("The source is paused; resume it, then this job.")
        after = (_moment(job.cursor.get("at")), job.cursor.get("id", 0))
        done = list(replay_some(runtime, source, presets, after, PIECE))
        return done or None

    def store(self, runtime: Runtime, session: Session, job: Job, piece: Any) -> None:
        """How many became what."""
        counts = dict(job.result)
        for one in piece:
            counts[str(one.verdict)] = counts.get(str(one.verdict), 0) + 1
        job.result, job.done = counts, job.done + len(piece)
        last = piece[-1]
        job.cursor = {"at": last.received_at.isoformat(), "id": last.inbox_id}


def _presets(runtime: Runtime) -> dict[str, Preset]:
    try:
        return load_presets(runtime.settings.config_dir / "presets")
    except PresetError as error:
        raise JobError(f"The presets have mistakes: {error}") from error


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
