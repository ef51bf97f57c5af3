"""What staff may do with a job: who started it, or who has the power of its kind."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from service.admin.powers import Power
from service.jobs import KINDS, kind_of
from service.models import Job

# A kind that is not named here is shown by its own name.
TITLES: dict[str, LazyString] = {
    "import": _("Import of subscribers"),
    "what_if": _("What a change of topics would do"),
    "resend": _("Resend what is missing"),
}


def title(kind: str) -> str:
    """A kind of job in words."""
    return str(TITLES.get(kind) or kind.replace("_", " ").capitalize())


def may_handle(job: Job, staff_id: int, powers: Collection[Power]) -> bool:
    """Whether somebody may cancel and resume a job and read its files."""
    return job.staff_id == staff_id or _power_of(job.kind) in powers


def _power_of(kind: str) -> Power:
    """The power over a kind; over one that says nothing, or is gone, only administrators have."""
    name = kind_of(kind).power if kind in KINDS else ""
    return Power(name) if name else Power.STAFF
