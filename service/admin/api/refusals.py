"""A refusal of a rule as problem details."""

from __future__ import annotations

from service.admin.scope import OutOfScope
from service.ledger.refused import Missing, Refused
from service.problems import Problem
from service.taxonomy.checking import Mistaken


def problem_of(error: Refused) -> Problem:
    """What a program is answered; mistakes name their fields."""
    if isinstance(error, Mistaken):
        errors = [
            {"field": name, "detail": text % values if values else text}
            for name, (text, values) in error.mistakes.items()
        ]
        return Problem(422, "Unprocessable Content", str(error), errors=errors)
    if isinstance(error, Missing):
        return Problem(404, "Not Found", str(error))
    if isinstance(error, OutOfScope):
        return Problem(403, "Forbidden", str(error))
    return Problem(409, "Conflict", str(error))
