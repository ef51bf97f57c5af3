"""`tellal source pull`: reads a source's own listing, where it cannot push or a push is lost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from service.cli.opened import opened_runtime
from service.cli.refusal import Refusal
from service.cli.source_options import STAFF, actor_of, find, read_text, refusals

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from service.acts import Actor
    from service.models import Source
    from service.runtime import Runtime

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
@STAFF
def pull(
    slug: str,
    kind: str | None,
    url: str | None,
    rules_file: Path | None,
    act: str | None,
    staff: str,
) -> None:
    """Read the listing of a source every ten minutes or so.

    The first listing is the archive: nobody is told of it. After every change of kind, address or
    rules there is such a first listing again.
    """
    with opened_runtime() as runtime:
        with refusals(), runtime.db.write() as session:
            source, actor = find(session, slug), actor_of(session, staff)
            if kind or url or rules_file:
                text = _configured(session, runtime, actor, source, kind, url, rules_file)
            else:
                text = _acted(session, runtime, actor, source, act)
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
    runtime: Runtime,
    actor: Actor | None,
    source: Source,
    kind: str | None,
    url: str | None,
    rules_file: Path | None,
) -> str:
    """What is not given stays as it was."""
    from service.db import utcnow
    from service.ingest.managing import pulls
    from service.models import Pull

    rules = read_text(rules_file) if rules_file else None
    pulls.configure(
        *(session, runtime.vault, runtime.settings, actor, source, utcnow()),
        kind=kind,
        url=url,
        rules=rules,
    )
    session.flush()
    where = session.get_one(Pull, source.id).url
    return f"{source.slug} is pulled from {where}; what is there now is the archive."


def _acted(
    session: Session, runtime: Runtime, actor: Actor | None, source: Source, act: str | None
) -> str:
    from service.db import utcnow
    from service.ingest.managing import pulls
    from service.models import Pull, PullState

    row = session.get(Pull, source.id)
    if row is None:
        raise Refusal(f"{source.slug} is not pulled yet; give --kind and --url")
    if act == "resume" and row.state == PullState.ASKING:
        raise Refusal(f"{row.reason}, with --accept-as-news or --accept-as-archive")
    if act is not None:
        what = pulls.PullAct(act)
        count = pulls.act(session, runtime.vault, actor, source, what, utcnow())
        if count is not None:
            return f"{count} articles are taken as {act}."
    return f"{source.slug}: {', '.join(described(session, source.id))}"
