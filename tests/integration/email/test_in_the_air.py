"""What changes while letters are in the air concerns those that are taken after it."""

from __future__ import annotations

import email
import email.policy

import pytest
from sqlalchemy import select

from service.ledger.lease import SLICE
from service.models import Article, Delivery, Destination, Revision, TopicLabel


def correct(runtime, article_id: int, title: str) -> int:
    """Show a new text of the article from now on."""
    with runtime.db.write() as session:
        article = session.get_one(Article, article_id)
        old = session.get_one(Revision, article.shown_revision_id)
        (label,) = session.scalars(select(TopicLabel).where(TopicLabel.revision_id == old.id))
        kept = ("article_id", "url", "summary", "body_html", "body_text", "state")
        values = {name: getattr(old, name) for name in kept}
        new = Revision(title=title, content_hash="f" * 64, **values)
        session.add(new)
        session.flush()
        session.add(
            TopicLabel(
                revision_id=new.id,
                topic_id=label.topic_id,
                state=label.state,
                origin=label.origin,
                score=label.score,
                evidence=label.evidence,
            )
        )
        article.shown_revision_id = article.revision_id = new.id
        return new.id


@pytest.fixture
def one_link(monkeypatch):
    """So that it is known which letter is in the air when the next slice is read."""
    monkeypatch.setattr("workers.courier.FRESH_S", 60.0)
    monkeypatch.setattr("workers.parcel.FRESH_S", 60.0)
    monkeypatch.setattr("workers.email.throttle.MOST_LINKS", 1)
    monkeypatch.setattr("service.ledger.lanes.FIRST_LINKS", 1)


@pytest.mark.usefixtures("one_link")
def test_the_ledger_names_the_text_that_each_reader_was_sent(peer, town, send, runtime):
    """A slice ends while letters of the one before are still to be answered."""
    last = SLICE - 1
    for number in range(SLICE + 5):
        town.reader(address=f"okur{number}@example.org")
    article = town.article(title="Eski")
    titles = {town.get(Article, article).shown_revision_id: "Eski"}

    def publish(address: str) -> None:
        if address == f"okur{last}@example.org":
            titles[correct(runtime, article, "Yeni")] = "Yeni"

    peer.before = publish
    notification = town.planned(article)
    send(notification)

    got = {}
    for _, recipient, raw in peer.mails:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        got[recipient] = message["Subject"]
    with runtime.db.read() as session:
        told = {
            address: titles[revision]
            for address, revision in session.execute(
                select(Destination.address, Delivery.revision_id).join(
                    Destination, Destination.id == Delivery.destination_id
                )
            )
        }
    assert set(got.values()) == {"Eski", "Yeni"}
    assert told == got
