"""Learning: trains in a process of its own, so that no worker keeps what training takes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

from service import logs
from service.db import utcnow
from service.learning.examples import count_decided
from service.learning.runs import RunningError, is_asked_for, is_due
from service.learning.training import LEAST, TrainingError, decisions_since, refit
from service.runtime import Runtime
from service.settings import load
from service.tasks import WORKER_TIMEOUT_S

log = logs.get_logger(__name__)

LONGEST_S = 500  # below the soft limit of a task


def refit_if_due(runtime: Runtime) -> None:
    """Train where enough was decided since the last time, or staff ask for it; rung every hour."""
    with runtime.db.read() as session:
        is_enough = count_decided(session) >= LEAST
        is_time = is_asked_for(session) or is_due(session, decisions_since(session), utcnow())
        must_train = is_enough and is_time
    if must_train:
        subprocess.run([sys.executable, "-m", "workers.learn"], check=True, timeout=LONGEST_S)


def main() -> None:
    """Train once."""
    settings = load()
    logs.configure(settings.log_level)
    runtime = Runtime.start(settings, WORKER_TIMEOUT_S)
    try:
        trained = refit(runtime.db, settings, utcnow())
    except (TrainingError, RunningError) as error:
        log.info("not trained", reason=str(error))
    else:
        log.info(
            "trained",
            model_id=trained.model_id,
            kept_because=trained.kept_because,
            **asdict(trained.comparison),
        )
    finally:
        runtime.close()


if __name__ == "__main__":
    main()
