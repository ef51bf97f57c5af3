"""`tellal subscriber`: people whose consent the city already has, and their requests by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.acting import NUMBER, STAFF, actor_named
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.acts import Actor
    from service.jobs.import_rules import ImportState
    from service.models import ImportRun
    from service.runtime import Runtime
    from service.subscriptions.office import Found

LOOK_EVERY_S = 0.5  # at a job that a worker has taken over
REASON = click.option("--reason", required=True, help="Why, for the log of acts.")


@click.group()
def subscriber() -> None:
    """Manage subscribers."""


@subscriber.command()
@click.argument("address")
@STAFF
def show(address: str, staff: str) -> None:
    """Say what is known of the person of ADDRESS; the look is recorded."""
    from service.subscriptions import office

    with opened_runtime() as runtime:
        actor = _actor(runtime, staff)
        found = _look_up(runtime, actor, address)
        with runtime.db.read() as session:
            person = office.person(session, found.destination_id or 0)
    if found.suppression:
        click.echo(f"suppressed\t{found.suppression.reason}\t{found.suppression.evidence}")
    if person is None:
        raise Refusal("nobody is known under this address")
    for one, topic, place in person.subscriptions:
        state = f"ended {one.ended_at:%Y-%m-%d}" if one.ended_at else "live"
        where = place.slug if place else "the whole city"
        what = topic.slug if topic else "all topics"
        click.echo(f"{one.id}\t{state}\t{what}\t{where}\t{one.frequency}")
    for row, _ in person.consents:
        click.echo(f"{row.at:%Y-%m-%d %H:%M} UTC\t{row.act}\t{row.how or row.origin}")


@subscriber.command()
@click.argument("address")
@REASON
@STAFF
def erase(address: str, reason: str, staff: str) -> None:
    """Erase the person of ADDRESS at once, as they can themselves on their page."""
    from service.admin import people_acts

    with opened_runtime() as runtime:
        actor, whose = _actor(runtime, staff), _destination(runtime, address)
        people_acts.erase(runtime, actor, whose, _reason(reason))
    click.echo("Erased.")


@subscriber.command()
@click.argument("address")
@REASON
@STAFF
def export(address: str, reason: str, staff: str) -> None:
    """Print all that is kept about the person of ADDRESS, as JSON (docs/my-data.md).

    Give it to nobody but the person themselves.
    """
    from service.admin import people_acts

    with opened_runtime() as runtime:
        actor, whose = _actor(runtime, staff), _destination(runtime, address)
        made = people_acts.export(runtime, actor, whose, _reason(reason))
        for piece in made.as_json():
            click.echo(piece, nl=False)


@subscriber.command()
@click.argument("address")
@click.option("--only", type=NUMBER, multiple=True, help="A number that `show` prints; else all.")
@REASON
@STAFF
def end(address: str, only: tuple[int, ...], reason: str, staff: str) -> None:
    """End subscriptions of the person of ADDRESS."""
    from service.admin import people_acts

    with opened_runtime() as runtime:
        actor, whose = _actor(runtime, staff), _destination(runtime, address)
        try:
            count = people_acts.end(runtime, actor, whose, _reason(reason), only or None)
        except people_acts.NotNow as error:
            raise Refusal(str(error)) from error
    click.echo(f"{count} ended.")


@subscriber.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--consent-origin",
    required=True,
    help="Where the consent was given, e.g. 'newsletter form of 2024'.",
)
@click.option("--evidence", default="", help="Where its proof is kept, e.g. 'file 17/204'.")
@click.option("--by-letter", is_flag=True, help="There is no proof: send confirmation mails.")
@click.option("--check", "only_check", is_flag=True, help="Say what would be done, store nothing.")
@STAFF
def import_file(
    file: Path, consent_origin: str, evidence: str, by_letter: bool, only_check: bool, staff: str
) -> None:
    """Import subscribers from FILE.csv; the same file twice changes nothing.

    Columns: address, topics, places, frequency, language. Topics and places are slugs joined by
    `;`; none means all topics, and the whole city. Frequency is instant, daily or weekly. A run
    that is killed is finished by the workers; `undo-import` takes one back.
    """
    from service.db import utcnow
    from service.jobs import import_rules
    from service.jobs.import_rules import ImportState

    with opened_runtime() as runtime:
        run_id = _check(runtime, file, consent_origin, evidence, by_letter, staff)
        run, state = _run(runtime, run_id)
        if state is not ImportState.CHECKED:
            for line, text in run.report.get("errors", []):
                click.echo(f"line {line}: {text}", err=True)
            raise Refusal(f"nothing was imported: {run.report.get('wrong', 0)} errors in {file}")
        if only_check:
            with runtime.db.write() as session:
                import_rules.drop(session, run_id, utcnow())
            click.echo(f"would be: {_said(run.report)}")
            return
        with runtime.db.write() as session:
            job = import_rules.store(session, run_id, run.staff_id)
            _record(session, runtime, staff, "import.store", run_id)
        assert job is not None
        _finish(runtime, job.id, "stored")
        run, _ = _run(runtime, run_id)
    click.echo(f"import {run_id}: {_said(run.result)}")


@subscriber.command("undo-import")
@click.argument("number", type=NUMBER)
@REASON
@STAFF
def undo_import(number: int, reason: str, staff: str) -> None:
    """Take back what the import NUMBER added and nobody has changed since."""
    from service.db import utcnow
    from service.jobs import import_rules

    with opened_runtime() as runtime:
        with runtime.db.write() as session:
            actor = actor_named(session, staff)
            job = import_rules.undo(session, number, actor.staff_id, utcnow())
            if job is None:
                raise Refusal("there is nothing to undo: see its page, or it is over 90 days ago")
            _record(session, runtime, staff, "import.undo", number, reason=_reason(reason))
        _finish(runtime, job.id, "undone")
        run, _ = _run(runtime, number)
    click.echo(f"import {number} undone: {_said(run.undone)}")


def _check(
    runtime: Runtime, file: Path, origin: str, evidence: str, by_letter: bool, staff: str
) -> int:
    from service.jobs import import_rules
    from service.jobs.import_rules import ImportProblem

    try:
        with runtime.db.write() as session:
            run = import_rules.upload(
                runtime,
                session,
                file.read_bytes(),
                actor_named(session, staff).staff_id,
                origin=origin,
                evidence=evidence,
                is_by_letter=by_letter,
            )
            _record(session, runtime, staff, "import.check", run.id, origin=run.origin)
    except ImportProblem as problem:
        raise Refusal(f"{problem} (--evidence or --by-letter, --consent-origin)") from problem
    _finish(runtime, run.check_job_id or 0, "checked")
    return run.id


def _finish(runtime: Runtime, job_id: int, phase: str) -> None:
    """Do a job here, turn by turn; where a worker has taken it, look on."""
    import time

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from service.jobs import running
    from service.models import Job, JobState

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bar = progress.add_task(phase, total=None)
        while True:
            running.run(runtime, job_id)
            with runtime.db.read() as session:
                job = session.get_one(Job, job_id)
            progress.update(bar, completed=job.done, total=job.total)
            if job.state == JobState.DONE:
                return
            if job.state in (JobState.FAILED, JobState.CANCELLED):
                raise Refusal(job.error or "somebody has cancelled it")
            if job.state == JobState.RUNNING:
                time.sleep(LOOK_EVERY_S)


def _run(runtime: Runtime, run_id: int) -> tuple[ImportRun, ImportState]:
    from service.jobs import import_rules
    from service.models import ImportRun

    with runtime.db.read() as session:
        run = session.get_one(ImportRun, run_id)
        return run, import_rules.state_of(session, run)


def _said(result: dict[str, object]) -> str:
    counts = result.get("counts")
    said = counts.items() if isinstance(counts, dict) else ()
    return ", ".join(f"{count:,} {name}" for name, count in said) or "nothing"


def _record(
    session: Session, runtime: Runtime, staff: str, act: str, id_: int, **more: str
) -> None:
    from service import acts

    acts.record(session, runtime.vault, actor_named(session, staff), act, id_, **more)


def _actor(runtime: Runtime, staff: str) -> Actor:
    with runtime.db.read() as session:
        return actor_named(session, staff)


def _reason(text: str) -> str:
    from service.subscriptions.office import reason_of

    reason = reason_of(text)
    if not reason:
        raise Refusal("--reason must say why")
    return reason


def _look_up(runtime: Runtime, actor: Actor, address: str) -> Found:
    from service.admin import looking
    from service.subscriptions.addresses import AddressError

    try:
        return looking.look_up(runtime, actor, address)
    except AddressError as error:
        raise Refusal(str(error)) from error
    except looking.TooManyLooks as error:
        raise Refusal("you have looked up many people within an hour; wait a while") from error


def _destination(runtime: Runtime, address: str) -> int:
    from service.subscriptions import office
    from service.subscriptions.addresses import AddressError

    try:
        with runtime.db.read() as session:
            found = office.find(session, runtime.vault, address)
    except AddressError as error:
        raise Refusal(str(error)) from error
    if found.destination_id is None:
        raise Refusal("this address is not known; hashes of it may be: `tellal consent prove`")
    return found.destination_id
