"""What staff may do with a job, by the power of its kind: somebody who lost that since they started
it, or a key that lacks it, has no more to do with it than others."""

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
    power = _power_of(job.kind)
    if power is None:
        return job.staff_id == staff_id or Power.STAFF in powers
    return power in powers


def may_see_result(job: Job, powers: Collection[Power]) -> bool:
    """Whether somebody may see what it found or what went wrong: of a list of people that may be
    something of a row."""
    return _power_of(job.kind) is not Power.PEOPLE or Power.PEOPLE in powers


def _power_of(kind: str) -> Power | None:
    """The power over a kind; null for one that says nothing, or is gone."""
    name = kind_of(kind).power if kind in KINDS else ""
    return Power(name) if name else None
