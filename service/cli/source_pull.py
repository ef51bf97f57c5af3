"""`tellal source pull`: reads a source's own listing, where it cannot push or a push is lost."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import find

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.models import Pull, Source
    from service.settings import Settings

KINDS = ("feed", "wordpress", "sitemap", "html")
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("pull")
@click.argument("slug")
@click.option(
    "--kind", type=click.Choice(KINDS), help="What the listing is; html is the last resort."
)
@click.option("--url", help="Its address.")
@click.option(
    "--rules", "rules_file", type=_FILE, help="File with keys of config/pull/default.toml."
)
@click.option("--now", "act", flag_value="now", help="Poll at once.")
@click.option("--pause", "act", flag_value="pause", help="Poll no more.")
@click.option("--resume", "act", flag_value="resume", help="Go on polling.")
@click.option(
    "--accept-as-news", "act", flag_value="news", help="What was too much at once is news."
)
@click.option("--accept-as-archive", "act", flag_value="archive", help="It is not; tell nobody.")
def pull(
    slug: str, kind: str | None, url: str | None, rules_file: Path | None, act: str | None
) -> None:
    """Read the listing of a source every ten minutes or so.

    The first listing is the archive: nobody is told of it. After every change of kind, address or
    rules there is such a first listing again.
    """
    with opened_runtime() as runtime:
        with runtime.db.write() as session:
            source = find(session, slug)
            if kind or url or rules_file:
                text = _configured(session, runtime.settings, source, kind, url, rules_file)
            else:
                text = _acted(session, source, act)
        if act not in ("pause", None) or kind or url or rules_file:
            from service.tasks import Task

            runtime.doorbell.ring(Task.PULL_SOURCE, source.id)
    click.echo(text)


def described(session: Session, source_id: int) -> list[str]:
    """For `tellal source list`: state, last and next poll, what polls found."""
    from service.models import Pull, PullState

    row = session.get(Pull, source_id)
    if row is None:
        return []
    last = f"{row.polled_at:%Y-%m-%d %H:%M} UTC" if row.polled_at else "none yet"
    words = [f"pull {row.kind} {row.state}", f"last poll: {last}"]
    if row.state == PullState.ACTIVE:
        words.append(f"next: {row.due_at:%Y-%m-%d %H:%M} UTC")
    words += [f"found {row.found}", f"missed by push {row.missed}"]
    words += [row.reason] if row.reason else []
    if row.alarm is not None:
        words.append(f"ALARM since {row.alarm_at:%Y-%m-%d %H:%M} UTC: {row.alarm_text}")
    return words


def _configured(
    session: Session,
    settings: Settings,
    source: Source,
    kind: str | None,
    url: str | None,
    rules_file: Path | None,
) -> str:
    """What is not given stays as it was."""
    from service.db import utcnow
    from service.ingest.pulling import setting
    from service.models import Pull, PullKind

    old = session.get(Pull, source.id)
    kind = kind or (old.kind if old else None)
    url = url or (old.url if old else None)
    if not kind or not url:
        raise Refusal("give --kind and --url: what the listing is, and where")
    rules = _rules(settings.config_dir, rules_file) if rules_file else (old.rules if old else {})
    _check_address(settings, url)
    setting.configure(session, source.id, PullKind(kind), url, rules, utcnow())
    return f"{source.slug} is pulled from {url}; what is there now is the archive."


def _acted(session: Session, source: Source, act: str | None) -> str:
    from service.db import utcnow
    from service.ingest.pulling import setting
    from service.models import Pull

    row = session.get(Pull, source.id)
    if row is None:
        raise Refusal(f"{source.slug} is not pulled yet; give --kind and --url")
    now = utcnow()
    if act in ("news", "archive"):
        count = setting.accept(session, source.id, now, is_news=act == "news")
        if count is None:
            raise Refusal(f"nothing is asked about {source.slug}; it is {row.state}")
        return f"{count} articles are taken as {act}."
    if act == "pause":
        setting.pause(session, source.id)
    elif act == "resume" and not setting.resume(session, source.id, now):
        raise Refusal(_undecided(row))
    elif act == "now" and not setting.poll_now(session, source.id, now):
        raise Refusal(f"{source.slug} is {row.state}: {row.reason}")
    session.flush()
    return f"{source.slug}: {', '.join(described(session, source.id))}"


def _undecided(row: Pull) -> str:
    return f"{row.reason}, with --accept-as-news or --accept-as-archive"


def _rules(config_dir: Path, path: Path) -> dict[str, Any]:
    from service.ingest.pull_rules import RulesError, load_rules

    try:
        own = tomllib.loads(path.read_text(encoding="utf-8"))
        load_rules(config_dir, own)
    except (RulesError, ValueError) as error:
        raise Refusal(f"{path} has mistakes:\n{error}") from error
    return own


def _check_address(settings: Settings, url: str) -> None:
    """The guard checks each fetch again; here the mistake is said to who made it."""
    from urllib.parse import urlsplit

    from service.outbound import origin_of

    try:
        origin_of(url)
        host = urlsplit(url).hostname
    except ValueError as error:
        raise Refusal(f"{url!r} is no address, as https://www.example.bel.tr/feed/") from error
    if not url.startswith("https://") and host not in settings.allow_private_hosts:
        raise Refusal(f"{url!r} is not https")
