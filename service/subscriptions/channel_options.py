"""How a channel wants to hear: language, frequency, urgent or local news alone, quiet hours.

One rule for pages, programs and the command line: what is given is laid over what was, and all of
it is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.models import Destination, Frequency, Subscription
from service.settings import Settings
from service.subscriptions.chat_urls import N_, ChannelError
from service.subscriptions.preferences import clock_of, minute_of

PROGRAMS = frozenset({"webhook"})  # schemes that a program reads: each article by itself


@dataclass(frozen=True)
class Options:
    """`quiet`: minutes after midnight of the city's day, from and until; None: no quiet hours."""

    language: str
    frequency: Frequency = Frequency.INSTANT
    urgent_only: bool = False
    local_only: bool = False
    quiet: tuple[int, int] | None = None

    @property
    def quiet_from(self) -> str:
        """As a form takes it; empty where there are no quiet hours."""
        return clock_of(self.quiet[0]) if self.quiet else ""

    @property
    def quiet_until(self) -> str:
        """As `quiet_from`."""
        return clock_of(self.quiet[1]) if self.quiet else ""

    def as_json(self) -> dict[str, Any]:
        """For programs and for the log of acts, by the names by which they are given."""
        return {
            "language": self.language,
            "frequency": self.frequency.value,
            "urgent_only": self.urgent_only,
            "local_only": self.local_only,
            "quiet_from": self.quiet_from,
            "quiet_until": self.quiet_until,
        }


def default_options(settings: Settings) -> Options:
    """All news at once, in the city's first language."""
    return Options(settings.brand.languages[0])


def options_of(session: Session, destination: Destination) -> Options:
    """How a channel hears now. All its subscriptions are of one kind."""
    wish = session.execute(
        select(Subscription.frequency, Subscription.is_local_only)
        .where(Subscription.destination_id == destination.id, Subscription.ended_at.is_(None))
        .order_by(Subscription.id.desc())
        .limit(1)
    ).one_or_none()
    start, end = destination.quiet_from, destination.quiet_until
    return Options(
        language=destination.language,
        frequency=Frequency(wish.frequency) if wish else Frequency.INSTANT,
        urgent_only=destination.is_urgent_only,
        local_only=wish.is_local_only if wish else False,
        quiet=None if start is None or end is None else (start, end),
    )


def laid_over(
    settings: Settings,
    before: Options,
    given: Mapping[str, Any],
    *,
    scheme: str,
    has_places: bool,
) -> Options:
    """What was, with what is given over it (None: it stays), as one whole.

    Raises:
        ChannelError: something cannot be so, or not together.
    """
    wanted = {name: value for name, value in given.items() if value is not None}
    after = replace(
        before,
        language=_language(settings, wanted.get("language", before.language)),
        frequency=_frequency(wanted.get("frequency", before.frequency)),
        urgent_only=bool(wanted.get("urgent_only", before.urgent_only)),
        local_only=bool(wanted.get("local_only", before.local_only)),
        quiet=_quiet(
            wanted.get("quiet_from", before.quiet_from),
            wanted.get("quiet_until", before.quiet_until),
        ),
    )
    if after.frequency != Frequency.INSTANT and after.urgent_only:
        raise ChannelError(
            N_("Urgent news is told at once: it cannot wait for a list."), "frequency"
        )
    if after.frequency != Frequency.INSTANT and scheme in PROGRAMS:
        text = N_("A program is told each article by itself, at once.")
        raise ChannelError(text, "frequency")
    if after.local_only and not has_places:
        text = N_("Choose its districts, or let it hear what concerns the whole city.")
        raise ChannelError(text, "local_only")
    return after


def apply(destination: Destination, options: Options) -> None:
    """Set what belongs to the destination; its subscriptions carry the rest."""
    destination.language = options.language
    destination.is_urgent_only = options.urgent_only
    destination.quiet_from, destination.quiet_until = options.quiet or (None, None)


def _language(settings: Settings, language: str) -> str:
    known = settings.brand.languages
    if language and language not in known:
        raise ChannelError(
            N_("The language is one of: %(known)s."), "language", known=", ".join(known)
        )
    return language or known[0]


def _frequency(text: str) -> Frequency:
    try:
        return Frequency(text or Frequency.INSTANT)
    except ValueError:
        known = ", ".join(Frequency)
        text = N_("How often it hears is one of: %(known)s.")
        raise ChannelError(text, "frequency", known=known) from None


def _quiet(start: str, end: str) -> tuple[int, int] | None:
    if not start.strip() and not end.strip():
        return None
    minutes = {}
    for name, text in (("quiet_from", start), ("quiet_until", end)):
        minute = minute_of(text)
        if minute is None:
            raise ChannelError(N_("Write both times as 22:30, or neither."), name)
        minutes[name] = minute
    if minutes["quiet_from"] == minutes["quiet_until"]:
        text = N_("Quiet hours end at another time than they begin.")
        raise ChannelError(text, "quiet_until")
    return minutes["quiet_from"], minutes["quiet_until"]
