"""What staff call a job, and who may do something with it: who has the power of its kind."""

from __future__ import annotations

from collections.abc import Collection

from flask_babel import LazyString
from flask_babel import lazy_gettext as _

from service.admin.powers import Power
from service.jobs import KINDS, kind_of
from service.models import Job

# One for each of `KINDS`; a kind that is gone is shown by its own name.
TITLES: dict[str, LazyString] = {
    "import-check": _("Check of an import"),
    "import-store": _("Import of subscribers"),
    "import-undo": _("Undoing an import"),
    "source-replay": _("Failed events of a source, read again"),
    "what-if": _("What a change of topics would do"),
    "cancel": _("Cancel what is unsent"),
    "resend": _("Resend what is missing"),
    "resend-count": _("Count of those who did not get it"),
    "would-be-told": _("Count of those who would be told"),
}


def title(kind: str) -> str:
    """A kind of job in words."""
    return str(TITLES.get(kind) or kind.replace("-", " ").capitalize())


def may_handle(job: Job, powers: Collection[Power]) -> bool:
    """Whether somebody may cancel and resume a job and read its files. To have started it is not
    enough: a job goes on with what its starter may have no power over any more."""
    return power_of(job.kind) in powers


def may_see_result(job: Job, powers: Collection[Power]) -> bool:
    """Whether somebody may see what it found or what went wrong: of a list of people that may be
    something of a row."""
    return power_of(job.kind) is not Power.PEOPLE or Power.PEOPLE in powers


def power_of(kind: str) -> Power:
    """The power over a kind; over one that says nothing, or is gone, only administrators have."""
    name = kind_of(kind).power if kind in KINDS else ""
    return Power(name) if name else Power.STAFF
