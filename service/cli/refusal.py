"""How a command says no: one line that tells what is wrong and how to mend it."""

from __future__ import annotations

from typing import IO, Any

import click

EXIT_REFUSED = 2


class Refusal(click.ClickException):
    """The command cannot do what was asked; the text says why and what to do."""

    exit_code = EXIT_REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"tellal: {self.message}", file=file, err=file is None)


def explain(error: Exception) -> str:
    """Say an unexpected error in plain words: its own, and for the usual ones what to do."""
    name = type(error).__name__
    text = " ".join(str(error).split()) or name
    if name in ("SettingsError", "WrongEncoding"):
        return str(error)
    if "no such table" in text or "UndefinedTable" in text:
        return "the database has no tables yet; run `tellal migrate` first"
    if name == "OperationalError":  # SQLAlchemy's, which must not be imported for every --help
        first = text.partition(" [SQL")[0].partition(" (Background")[0]
        return f"the database does not answer as it should: {first}"
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}; it belongs to another user, or is read-only"
    return f"{name}: {text}"
