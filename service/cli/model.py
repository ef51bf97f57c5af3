"""`tellal model`: what was learned from the decisions of the staff, and which of it is in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from service.cli.acting import NUMBER, STAFF, acting
from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.models import ModelVersion


@click.group()
def model() -> None:
    """Manage the models that help the terms to classify."""


@model.command("list")
def list_() -> None:
    """List the stored models, newest first."""
    from service.learning.versions import all_versions

    with opened_runtime() as runtime, runtime.db.read() as session:
        rows = all_versions(session)
        for row in rows:
            click.echo(
                f"{row.id}\t{row.state}\t{row.trained_at:%Y-%m-%d %H:%M} UTC\t"
                f"{row.examples} articles\t{_in_short(row)}"
            )
    if not rows:
        click.echo("No model was trained yet; articles are classified by terms alone.")


@model.command()
@STAFF
def train(staff: str) -> None:
    """Train on all decisions; use the model if it does no worse on the latest of them."""
    from rich.console import Console
    from rich.progress import Progress

    from service.db import utcnow
    from service.learning.runs import RunningError
    from service.learning.training import TrainingError, refit

    with acting(staff, "model.train", None):
        pass  # noted before it begins: training takes minutes, and no transaction may
    with opened_runtime() as runtime, Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("read", total=None)
        try:
            trained = refit(
                *(runtime.db, runtime.settings, utcnow()),
                on_progress=lambda done: progress.update(bar, completed=done),
            )
        except (TrainingError, RunningError) as error:
            raise Refusal(str(error)) from error
    because = trained.kept_because
    click.echo(
        f"Model {trained.model_id} is {f'kept, not used: {because}' if because else 'in use'}."
    )
    click.echo(f"See `tellal model report {trained.model_id}`.")


@model.command()
@click.argument("model_id", type=NUMBER)
@STAFF
def promote(model_id: int, staff: str) -> None:
    """Use model MODEL_ID from now on, whatever its report says."""
    from service.db import utcnow
    from service.learning import versions

    with acting(staff, "model.promote", model_id) as session:
        try:
            versions.promote(session, model_id, utcnow())
        except versions.VersionError as error:
            raise Refusal(str(error)) from error
    click.echo(f"Model {model_id} is in use.")


@model.command()
@STAFF
def rollback(staff: str) -> None:
    """Use the model that was in use before; before the first one: terms alone."""
    from service.learning import versions

    with acting(staff, "model.rollback", None) as session:
        try:
            found = versions.roll_back(session)
        except versions.VersionError as error:
            raise Refusal(str(error)) from error
    click.echo(f"Model {found} is in use." if found else "Terms alone are in use.")


@model.command()
@click.argument("model_id", type=NUMBER)
def report(model_id: int) -> None:
    """Show how MODEL_ID did on decisions that it had not seen, beside the one in use then."""
    from service.learning.versions import all_versions

    with opened_runtime() as runtime, runtime.db.read() as session:
        row = next((row for row in all_versions(session) if row.id == model_id), None)
    if row is None:
        raise Refusal(f"there is no model {model_id}; see `tellal model list`")
    click.echo(f"Model {row.id} ({row.fingerprint}), trained on {row.examples} articles.")
    if row.report["kept_because"]:
        click.echo(f"It was not used at once: {row.report['kept_because']}.")
    if not row.report["articles"]:
        return
    decisions = f"{row.report['corrections']} decisions about {row.report['articles']} articles"
    click.echo(f"Compared on {decisions} that neither had seen:")
    click.echo(f"{'':10}{'micro-F1':>10}{'precision':>11}{'recall':>8}{'published':>11}")
    for name, score in (("before", row.report["old"]), ("this one", row.report["new"])):
        click.echo(_line(name, score))


def _line(name: str, score: dict[str, Any]) -> str:
    precision = _number(score["precision"])
    numbers = f"{score['micro_f1']:>10.3f}{precision:>11}{score['recall']:>8.3f}"
    return f"{name:10}{numbers}{score['published']:>11}"


def _in_short(row: ModelVersion) -> str:
    if not row.report["articles"]:
        return "not compared"
    old, new = row.report["old"], row.report["new"]
    return (
        f"micro-F1 {old['micro_f1']:.3f} → {new['micro_f1']:.3f}, "
        f"precision {_number(old['precision'])} → {_number(new['precision'])}"
    )


def _number(share: float | None) -> str:
    return "–" if share is None else f"{share:.3f}"
