"""Publishing templates of letters: drafts that are checked, versions that are never changed.

Every process reads the newest versions with its next batch; the compiled templates are kept for as
long as nothing new is published.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, delete, func, literal, select, text
from sqlalchemy.orm import Session, aliased

from service.crypto import Vault
from service.db import Database
from service.ledger.alarms import clear_alarm, raise_alarm
from service.messages import template_rules
from service.messages.preview import problems
from service.messages.stationery import MAX_BYTES, Published, Stationery, stationery
from service.models import AlarmKind, TemplateDraft, TemplateVersion
from service.settings import Settings

MAX_REASON = 200
_NOWHERE = Path("/nowhere")  # no operator's files
# Two that publish at once wait for each other, so the newest number tells what is in use.
_LOCK = text("LOCK TABLE template_version IN SHARE ROW EXCLUSIVE MODE")
_kept: dict[tuple[int, datetime], Published] = {}


class PublishError(ValueError):
    """The template cannot be published; the text says why."""


def in_use(session: Session) -> Published:
    """What staff published, as letters have it from now on: one look at the newest row, and all
    texts only where that one is new to this process."""
    newest = session.execute(
        select(TemplateVersion.id, TemplateVersion.published_at)
        .order_by(TemplateVersion.id.desc())
        .limit(1)
    ).first()
    if newest is None:
        return Published()
    key = (newest[0], newest[1])
    found = _kept.get(key)
    if found is None:
        rows = current_versions(session).values()
        found = Published.of({row.name: row.text for row in rows if row.text is not None})
        _kept.clear()
        _kept[key] = found
    return found


def paper_in_use(session: Session, settings: Settings) -> Stationery:
    """The templates of this installation as they are now."""
    return stationery(settings.config_dir / "mail", in_use(session))


def current_versions(session: Session) -> Mapping[str, TemplateVersion]:
    """The newest version of each file that has any."""
    later = aliased(TemplateVersion)
    newest = select(func.max(later.version)).where(later.name == TemplateVersion.name)
    rows = session.scalars(
        select(TemplateVersion).where(TemplateVersion.version == newest.scalar_subquery())
    )
    return {row.name: row for row in rows}


def versions_of(
    session: Session, name: str, before: int | None, limit: int
) -> Sequence[TemplateVersion]:
    """Versions of a file, the newest first, those below `before`."""
    query = select(TemplateVersion).where(TemplateVersion.name == name)
    if before is not None:
        query = query.where(TemplateVersion.version < literal(before, BigInteger))
    return session.scalars(query.order_by(TemplateVersion.version.desc()).limit(limit)).all()


def one_version(session: Session, name: str, version: int) -> TemplateVersion | None:
    """A version by its number."""
    return session.scalar(
        select(TemplateVersion)
        .where(TemplateVersion.name == name)
        .where(TemplateVersion.version == literal(version, BigInteger))
    )


def newest_number(session: Session, name: str) -> int:
    """The number of the newest version of a file, 0 where there is none."""
    newest = select(func.max(TemplateVersion.version)).where(TemplateVersion.name == name)
    return session.scalar(newest) or 0


def drafted(session: Session, settings: Settings, name: str, draft: str) -> Stationery:
    """The templates as they would be with this one."""
    texts = {**dict(in_use(session).texts), name: draft}
    return Stationery(settings.config_dir / "mail", Published.of(texts))


def check(session: Session, settings: Settings, vault: Vault, name: str, draft: str) -> list[str]:
    """What is wrong with a draft, in sentences: by itself, and among the templates in use."""
    if len(draft.encode("utf-8", "replace")) > MAX_BYTES:
        return [f"{name}: longer than {MAX_BYTES:,} bytes, which mailboxes cut off"]
    if found := list(template_rules.refused(name, draft)):
        return found  # nothing is tried that may never end
    alone = Stationery(_NOWHERE, Published.of({name: draft}))
    if found := list(problems(settings, vault, alone)):
        return found
    # What is broken already may be mended one after the other.
    before = set(problems(settings, vault, paper_in_use(session, settings)))
    tried = problems(settings, vault, drafted(session, settings, name, draft))
    return [said for said in tried if said not in before]


def tidy(draft: str) -> str:
    """A template as it is kept: line ends as in files, and one at its end."""
    return draft.replace("\r\n", "\n").rstrip() + "\n"


def keep_draft(
    session: Session, name: str, staff_id: int, draft: str, now: datetime
) -> TemplateDraft:
    """Keep what somebody wrote in place of what they wrote before.

    Raises:
        PublishError: it is too long to keep.
    """
    if len(draft.encode("utf-8", "replace")) > 2 * MAX_BYTES:
        raise PublishError(f"{name}: longer than {MAX_BYTES:,} bytes, which mailboxes cut off")
    row = session.scalar(
        select(TemplateDraft).where(TemplateDraft.name == name, TemplateDraft.staff_id == staff_id)
    )
    if row is None:
        row = TemplateDraft(name=name, staff_id=staff_id, base=newest_number(session, name))
        session.add(row)
    row.text, row.at = tidy(draft), now
    session.flush()
    return row


def drop_draft(session: Session, name: str, staff_id: int) -> None:
    """Forget what somebody wrote."""
    session.execute(
        delete(TemplateDraft).where(TemplateDraft.name == name, TemplateDraft.staff_id == staff_id)
    )


def drafts_of(session: Session, name: str) -> Sequence[TemplateDraft]:
    """What anybody is working on."""
    query = select(TemplateDraft).where(TemplateDraft.name == name)
    return session.scalars(query.order_by(TemplateDraft.at.desc())).all()


def told(made: TemplateVersion) -> dict[str, Any]:
    """What the log of acts says of a version: both texts are in the table of versions for good."""
    return {
        "name": made.name,
        "before": made.version - 1,
        "after": made.version,
        "reason": made.reason,
        "size": None if made.text is None else len(made.text),
    }


def publish(
    session: Session,
    settings: Settings,
    vault: Vault,
    name: str,
    draft: str | None,
    *,
    base: int | None,
    reason: str,
    staff_id: int,
    now: datetime,
) -> TemplateVersion:
    """Put a text into use, or, with null, the installation's own file again; letters have it within
    seconds of the caller's commit. `base`: the version that the person saw, null for any.

    Raises:
        PublishError: the text breaks letters or is in use already, there is no reason, or somebody
            published another version meanwhile.
    """
    reason = " ".join(reason.split())
    if not reason or len(reason) > MAX_REASON:
        raise PublishError(f"a reason of 1 to {MAX_REASON} characters is needed")
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_LOCK)
    paper = paper_in_use(session, settings)
    if name not in paper.names:
        raise PublishError(f"{name}: no letter uses a template of this name")
    newest = newest_number(session, name)
    if base is not None and base != newest:
        raise PublishError(f"somebody published version {newest} meanwhile: look at it first")
    if draft is None:
        if name not in dict(in_use(session).texts):
            raise PublishError(f"{name}: the file of the installation is in use already")
    else:
        draft = tidy(draft)
        if paper.source(name) == draft:
            raise PublishError(f"{name}: this text is in use already")
        if found := check(session, settings, vault, name, draft):
            raise PublishError("; ".join(found))
    made = TemplateVersion(
        name=name,
        version=newest + 1,
        text=draft,
        reason=reason,
        published_at=now,
        published_by=staff_id,
    )
    session.add(made)
    drop_draft(session, name, staff_id)
    clear_alarm(session, AlarmKind.TEMPLATE_BROKEN, 0, now)
    session.flush()
    return made


def complain(db: Database, paper: Stationery, now: datetime) -> None:
    """Alarm staff of templates that broke while letters were written; one alarm is live at most,
    and the log has every sentence."""
    if found := paper.complaints():
        with db.write() as session:
            raise_alarm(session, AlarmKind.TEMPLATE_BROKEN, 0, found[0], now)


def difference(before: str, after: str) -> list[tuple[str, str]]:
    """The lines of a diff, each with what it is: `+`, `-`, `@` (a gap) or a space."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=3)
    return [(line[:1], line[1:] if line[0] in "+- " else line) for line in list(lines)[2:]]
