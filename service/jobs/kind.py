"""What a kind of job does: count, then work piece by piece."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from sqlalchemy.orm import Session

from service.models import Job
from service.runtime import Runtime


class JobError(Exception):
    """The job cannot go on; the text says why and how to mend it, and staff read it."""


class Kind(ABC):
    """A piece should take a second or less: as often progress is seen, and a cancel heard.

    `power`: the value of the `Power` that lets staff start it, cancel it, resume it and read its
    files; without one, administrators alone. What a page shows of its result may be
    written in `templates/staff/jobs/_<name>.html`.
    """

    power: ClassVar[str] = ""

    def count(self, runtime: Runtime, job: Job) -> int | None:
        """How much there is to do, before the first piece; null where nobody knows."""
        return None

    @abstractmethod
    def work(self, runtime: Runtime, job: Job) -> Any | None:
        """Do the next piece after `job.cursor` outside of any transaction; null: nothing is left.

        What only reads or computes belongs here: it holds nobody up.

        Raises:
            JobError: it cannot go on.
        """

    @abstractmethod
    def store(self, runtime: Runtime, session: Session, job: Job, piece: Any) -> None:
        """Write a piece, and move `job.cursor`, `job.done` and `job.result`, in one transaction
        that a second worker's would not get."""

    def end(self, runtime: Runtime, session: Session, job: Job) -> None:  # noqa: B027 - may be empty
        """Once all is done, in the transaction that says so: write the result, make its file."""
