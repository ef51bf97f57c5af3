"""Learning: trains in a process of its own, so that no worker keeps what training takes."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta

from sqlalchemy import func, select

from service import logs
from service.db import utcnow
from service.learning.training import OFTEN, TrainingError, decisions_since, refit
from service.models import ModelVersion
from service.runtime import Runtime
from service.settings import load
from service.tasks import WORKER_TIMEOUT_S

log = logs.get_logger(__name__)

NIGHTLY = timedelta(hours=23)  # since the last training; one new decision is enough then
LONGEST_S = 500  # below the soft limit of a task


def refit_if_due(runtime: Runtime) -> None:
    """Train where enough was decided since the last time; asked every hour."""
    with runtime.db.read() as session:
        decisions = decisions_since(session)
        last = session.scalar(select(func.max(ModelVersion.trained_at)))
    waited = last is None or last < utcnow() - NIGHTLY
    if decisions >= OFTEN or (decisions and waited):
        subprocess.run([sys.executable, "-m", "workers.learn"], check=True, timeout=LONGEST_S)


def main() -> None:
    """Train once."""
    settings = load()
    logs.configure(settings.log_level)
    runtime = Runtime.start(settings, WORKER_TIMEOUT_S)
    try:
        trained = refit(runtime.db, settings, utcnow())
    except TrainingError as error:
        log.info("not trained", reason=str(error))
    else:
        comparison = trained.comparison
        log.info(
            "trained",
            model_id=trained.model_id,
            is_promoted=comparison.is_promoted,
            micro_f1=round(comparison.new.micro_f1, 4),
            precision=round(comparison.new.precision, 4),
        )
    finally:
        runtime.close()


if __name__ == "__main__":
    main()
