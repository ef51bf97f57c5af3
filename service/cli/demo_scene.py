"""What the demo needs in the database: a source, a subscriber, a chat room, and the mailbox."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from service.cli.refusal import Refusal

if TYPE_CHECKING:
    from service.runtime import Runtime
    from service.settings import Settings

SOURCE = "demo"
SUBSCRIBER = "demo@tellal.example"
TOPIC = "iklim-cevre"
CONSENT_ORIGIN = "tellal demo"


def article(settings: Settings, mark: str) -> bytes:
    """The sample article under a fresh id, published now, with the run's mark in title and URL."""
    from service.db import utcnow

    path = settings.config_dir / "demo" / "article.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Refusal(f"the sample article {path} is missing") from error
    now = utcnow().isoformat(timespec="seconds")
    found |= {
        "id": f"demo-{mark}",
        "title": f"{found['title']} · {mark}",
        "url": f"{found['url']}?demo={mark}",
        "published_at": now,
        "updated_at": now,
    }
    return json.dumps(found, ensure_ascii=False).encode()


def prepare_source(runtime: Runtime) -> str:
    """Make the source once, without a hold, and return its secret.

    The secret lies in `var/demo-secret`, for its owner only. Where the file is gone, or is of
    another database, the source gets a new secret.
    """
    from sqlalchemy import select

    from service.ingest.signatures import new_secret
    from service.models import Source

    path = runtime.settings.var_dir / "demo-secret"
    kept = path.read_text(encoding="ascii").strip() if path.exists() else ""
    with runtime.db.write() as session:
        row = session.scalar(select(Source).where(Source.slug == SOURCE))
        if row is None:
            from service.ingest.managing.sources import store

            secret = store(session, runtime.vault, SOURCE, hold_s=0)
        elif kept and runtime.vault.decrypt(row.sealed_secret) == kept:
            return kept
        else:
            secret = new_secret()
            row.sealed_secret = runtime.vault.encrypt(secret)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secret + "\n")
    return secret


def take_back_earlier(runtime: Runtime) -> None:
    """Withdraw the samples of earlier runs: they are one story, and nobody is told one twice."""
    from sqlalchemy import select

    from service.db import utcnow
    from service.ledger.publish import withdraw
    from service.models import Article, ArticleState, Source

    with runtime.db.write() as session:
        earlier = session.scalars(
            select(Article)
            .join(Source, Source.id == Article.source_id)
            .where(Source.slug == SOURCE, Article.state == ArticleState.PUBLISHED)
            .order_by(Article.id)
            .with_for_update(of=Article)
        ).all()
        for row in earlier:
            withdraw(session, row, utcnow())


def prepare_subscriber(runtime: Runtime) -> None:
    """Import demo@tellal.example by the rules of every import; a second run changes nothing."""
    from service.db import utcnow
    from service.subscriptions.importing import import_subscribers

    lines = ["address,topics,places,frequency,language", f"{SUBSCRIBER},{TOPIC},,instant,tr"]
    import_subscribers(
        runtime.db, runtime.vault, lines, consent_origin=CONSENT_ORIGIN, now=utcnow()
    )


def open_channel(runtime: Runtime, mark: str, url: str) -> int:
    """Add this run's chat room; each run has one of its own, as its port is another."""
    from service.subscriptions.channels import ChannelError, add_channel

    # The running service was told so by `tellal up --demo-hosts`; this process was not.
    settings = runtime.settings.model_copy(update={"allow_private_hosts": ("127.0.0.1",)})
    try:
        with runtime.db.write() as session:
            row = add_channel(
                session,
                runtime.vault,
                settings,
                name=f"demo-{mark}",
                url=url,
                topic_slugs=[TOPIC],
            )
            return row.id
    except ChannelError as error:
        raise Refusal(f"the demo's chat room was refused: {error}") from error


def close_channel(runtime: Runtime, channel_id: int) -> None:
    """Mark the room as gone and end what it asked for: nobody listens there any more."""
    from sqlalchemy import select, update

    from service.db import utcnow
    from service.models import Channel, Destination, Subscription

    room = select(Destination.id).where(Destination.channel_id == channel_id)
    with runtime.db.write() as session:
        session.execute(
            update(Channel)
            .where(Channel.id == channel_id)
            .values(is_paused=True, pause_reason="the demo is over")
        )
        session.execute(
            update(Subscription)
            .where(Subscription.destination_id.in_(room))
            .values(ended_at=utcnow(), end_reason="demo")
            .execution_options(synchronize_session=False)
        )


def mail_with(runtime: Runtime, mark: str) -> str | None:
    """The subject of the demo subscriber's mail about this run, once it is in the mailbox."""
    from sqlalchemy import select

    from service.models import MailboxMessage

    with runtime.db.read() as session:
        return session.scalar(
            select(MailboxMessage.subject)
            .where(MailboxMessage.recipient == SUBSCRIBER)
            .where(MailboxMessage.subject.contains(mark))
            .limit(1)
        )
