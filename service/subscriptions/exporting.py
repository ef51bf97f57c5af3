"""The export of a person's data: all that is kept about them, as JSON (docs/my-data.md) or a page.

It is made in pages, each in a transaction of its own, so that neither memory nor a lock grows with
what somebody was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.db import Database
from service.models import (
    Bounce,
    ChatTarget,
    Consent,
    Destination,
    NoticeText,
    Place,
    Subscriber,
    Subscription,
    Suppression,
    Topic,
)
from service.subscriptions import history, notices
from service.subscriptions.persons import person_of
from service.subscriptions.stories_told import Reason

FORMAT = "tellal-export"
VERSION = 1
PAGE = 500
Json = dict[str, Any]


@dataclass(frozen=True)
class Export:
    """`head` is what is small; the rest comes in pages, by the methods."""

    db: Database
    people: Mapping[str, int]  # the numbers of the addresses, by their hashes
    numbers: Sequence[int]  # of the addresses, and of chats that have ended
    head: Json

    @classmethod
    def of(cls, db: Database, destination_id: int, city: str, now: datetime) -> Export:
        """The export of the person of a destination; empty where nobody is there any more."""
        with db.read() as session:
            found = person_of(session, destination_id)
            people = {one.address_hash: one.id for one in found}
            names = history.names_of(session, destination_id)
            head = {
                "format": FORMAT,
                "version": VERSION,
                "made_at": _moment(now),
                "controller": city,
                "addresses": [_address(one, names[one.id]) for one in found],
                "ended_chats": _ended_chats(session, set(names) - set(people.values())),
                "subscriptions": _subscriptions(session, list(names)),
                "private_feed": _has_feed(session, [one.subscriber_id for one in found]),
                "suppressions": _suppressions(session, people),
            }
        return cls(db, people, list(names), head)

    def consents(self) -> Iterator[Json]:
        """Every act of the consent ledger, oldest first, with the sentence that was shown."""
        query = select(Consent).where(Consent.address_hash.in_(self.people))
        return self._pages(query, Consent.id, self._with_texts)

    def returned_mail(self) -> Iterator[Json]:
        """What came back of our letters, or was called spam."""
        query = select(Bounce).where(Bounce.destination_id.in_(self.people.values()))
        return self._pages(query, Bounce.id, lambda _, rows: [_bounce(row) for row in rows])

    def deliveries(self) -> Iterator[Json]:
        """Newest first, as far back as the ledger goes."""
        ids, before = self.numbers, None
        while True:
            with self.db.read() as session:
                page = history.page(session, ids, since=None, before=before, size=PAGE)
                lines = [_delivery(line) for line in page.lines]
            yield from lines
            if page.next is None:
                return
            before = page.next

    def as_json(self) -> Iterator[bytes]:
        """The whole document, in pieces."""
        yield orjson.dumps(self.head)[:-1]
        for name, rows in (
            ("consents", self.consents()),
            ("returned_mail", self.returned_mail()),
            ("deliveries", self.deliveries()),
        ):
            yield f',"{name}":['.encode()
            comma = b"\n"
            for row in rows:
                yield comma + orjson.dumps(row)
                comma = b",\n"
            yield b"]"
        yield b"}\n"

    def _with_texts(self, session: Session, rows: Sequence[Consent]) -> list[Json]:
        hashes = {row.text_hash for row in rows}
        texts = {hashed: notices.by_hash(session, hashed) for hashed in hashes}
        return [_consent(row, self.people, texts[row.text_hash]) for row in rows]

    def _pages(
        self,
        query: Select[Any],
        key: InstrumentedAttribute[int],
        make: Callable[[Session, Sequence[Any]], list[Json]],
    ) -> Iterator[Json]:
        """No transaction is open while whoever downloads takes their time."""
        after = 0
        while True:
            with self.db.read() as session:
                rows = session.scalars(query.where(key > after).order_by(key).limit(PAGE)).all()
                made = make(session, rows)
            yield from made
            if len(rows) < PAGE:
                return
            after = rows[-1].id


def _address(one: Destination, name: str) -> Json:
    return {
        "number": one.id,
        "kind": str(one.kind),
        "address": name,
        "language": one.language,
        "known_since": _moment(one.created_at),
        "verified_at": _moment(one.verified_at),
        "paused_from": _moment(one.paused_from),
        "paused_until": _moment(one.paused_until),
        "quiet_from": _clock(one.quiet_from),
        "quiet_until": _clock(one.quiet_until),
    }


def _ended_chats(session: Session, numbers: set[int]) -> list[Json]:
    rows = session.scalars(
        select(ChatTarget)
        .where(ChatTarget.destination_id.in_(numbers))
        .order_by(ChatTarget.destination_id)
    )
    return [
        {
            "number": one.destination_id,
            "provider": one.label,
            "since": _moment(one.created_at),
            "ended_at": _moment(one.ended_at),
            "ended_by": one.end_reason,
        }
        for one in rows
    ]


def _subscriptions(session: Session, ids: list[int]) -> list[Json]:
    rows = session.execute(
        select(Subscription, Topic.slug, Place.slug)
        .outerjoin(Topic, Topic.id == Subscription.topic_id)
        .outerjoin(Place, Place.id == Subscription.place_id)
        .where(Subscription.destination_id.in_(ids))
        .order_by(Subscription.id)
    )
    return [
        {
            "address": one.destination_id,
            "topic": topic,
            "place": place,
            "frequency": str(one.frequency),
            "without_news_of_the_whole_city": one.is_local_only,
            "since": _moment(one.created_at),
            "ended_at": _moment(one.ended_at),
            "ended_by": one.end_reason,
        }
        for one, topic, place in rows
    ]


def _has_feed(session: Session, subscriber_ids: Sequence[int | None]) -> bool:
    """Its address is not kept, and so not here: `/my/feed` signs it anew each time."""
    is_on = select(Subscriber.id).where(
        Subscriber.id.in_(one for one in subscriber_ids if one is not None),
        Subscriber.feed_number.is_not(None),
    )
    return session.scalars(is_on).first() is not None


def _consent(one: Consent, people: Mapping[str, int], text: NoticeText | None) -> Json:
    return {
        "address": people[one.address_hash],
        "act": str(one.act),
        "at": _moment(one.at),
        "how": one.how or one.origin,
        "channel": one.channel,
        "language": one.language,
        "text": text.text if text else None,
        "text_version": text.version if text else None,
        "notice_version": one.notice_version,
        "choices": one.choices,
    }


def _suppressions(session: Session, people: Mapping[str, int]) -> list[Json]:
    rows = session.scalars(select(Suppression).where(Suppression.address_hash.in_(people)))
    return [
        {
            "address": people[one.address_hash],
            "reason": one.reason,
            "evidence": one.evidence,
            "at": _moment(one.at),
        }
        for one in rows
    ]


def _bounce(one: Bounce) -> Json:
    return {
        "address": one.destination_id,
        "message": one.notification_id,
        "verdict": str(one.verdict),
        "status": one.status,
        "said": one.detail,
        "at": _moment(one.at),
    }


def _delivery(line: history.Line) -> Json:
    return {
        "address": line.destination_id,
        "message": line.notification_id,
        "kind": str(line.kind),
        "letter": line.template or None,
        "at": _moment(line.at),
        "state": str(line.fate),
        "because": _because(line.reason),
        "articles": [
            {
                "title": story.title,
                "url": story.url,
                "words": list(story.words),
                "because": _because(story.reason),
            }
            for story in line.stories
        ],
    }


def _because(reason: Reason | None) -> Json | None:
    if reason is None:
        return None
    return {
        "topic": reason.topic.slug if reason.topic else None,
        "place": reason.place.slug if reason.place else None,
        "frequency": str(reason.frequency),
        "since": _moment(reason.asked_at),
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(timespec="seconds") if value else None


def _clock(minutes: int | None) -> str | None:
    return None if minutes is None else f"{minutes // 60:02d}:{minutes % 60:02d}"
