"""What changes after planning: letters tell what may be told as they leave, and items prove it."""

from __future__ import annotations

import pytest

from service.ledger.cancel import cancel
from service.ledger.followup import follow
from service.ledger.halts import pause
from service.ledger.publish import withdraw
from service.models import (
    Article,
    Delivery,
    DeliveryState,
    Destination,
    DigestItem,
    Frequency,
    HaltScope,
    Notification,
    NotificationKind,
    NotificationState,
    Revision,
    Suppression,
    TopicLabel,
)
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
SENT, CANCELLED = DeliveryState.SENT, DeliveryState.CANCELLED
SUPPRESSED, DEFERRED = DeliveryState.SUPPRESSED, DeliveryState.DEFERRED


def take_back(press, runtime, article_id):
    with runtime.db.write() as session:
        withdraw(session, session.get_one(Article, article_id, with_for_update=True), press.clock())


def rewrite(runtime, town, article_id, title):
    """A newer text of an article, classified as the old one."""
    with runtime.db.write() as session:
        article = session.get_one(Article, article_id)
        old = session.get_one(Revision, article.shown_revision_id)
        new = Revision(
            article_id=article_id,
            content_hash=title,
            state=old.state,
            url=old.url,
            title=title,
            summary=old.summary,
            body_html="",
            body_text="",
        )
        session.add(new)
        session.flush()
        label = {"state": "published", "origin": "classifier", "score": 0.9}
        session.add(TopicLabel(revision_id=new.id, topic_id=town.topic(), **label))
        article.revision_id = article.shown_revision_id = new.id
    return new.id


def test_a_withdrawn_article_is_left_out_and_an_empty_letter_is_none(
    press, town, daily, yesterday, runtime
):
    climate, both = daily(), daily()
    town.subscribe(both, "spor", None, Frequency.DAILY)
    gone = press.release(yesterday)
    sport = press.release(yesterday, ("spor",))
    (digest,) = press.plan()

    take_back(press, runtime, gone)
    press.send()

    assert press.states(digest) == {climate: CANCELLED, both: SENT}
    assert press.told(digest) == {both: [sport]}
    assert len(press.letters()) == 1


def test_who_left_gets_none(press, town, daily, yesterday):
    reader = daily()
    press.release(yesterday)
    (digest,) = press.plan()

    town.unsubscribe(reader)
    press.send()

    assert press.states(digest) == {reader: SUPPRESSED}
    assert press.letters() == []


def test_the_newest_text_is_told_and_written_down(press, town, daily, yesterday, runtime):
    daily()
    article = press.release(yesterday, title="Eski")
    press.plan()

    newer = rewrite(runtime, town, article, "Yeni başlık")
    press.send()

    assert press.letters()[0].subject == "Bugünün haberleri: Yeni başlık"
    assert town.all(DigestItem)[0].revision_id == newer


@pytest.mark.parametrize("kind", [NotificationKind.CORRECTION, NotificationKind.WITHDRAWAL])
def test_who_was_told_by_a_digest_hears_what_follows(kind, press, town, daily, yesterday, runtime):
    reader, other = daily(), daily("spor")
    article = press.release(yesterday)
    press.release(yesterday, ("spor",))
    press.plan()
    press.send()
    if kind == NotificationKind.CORRECTION:
        rewrite(runtime, town, article, "Yeni")

    with runtime.db.write() as session:
        row = session.get_one(Article, article, with_for_update=True)
        if kind == NotificationKind.WITHDRAWAL:
            withdraw(session, row, press.clock())
        told = follow(session, row, kind, "saat", press.clock(), "")
        assert told is not None
        told.state, told.released_at = NotificationState.RELEASED, press.clock()
    plan_notification(runtime, told.id)
    press.send()

    assert press.states(told.id) == {reader: SENT}
    assert other not in press.states(told.id)


def test_who_knows_the_newest_text_by_a_digest_is_not_corrected(
    press, town, daily, yesterday, runtime
):
    daily()
    article = press.release(yesterday)
    press.plan()
    rewrite(runtime, town, article, "Yeni")
    press.send()

    with runtime.db.write() as session:
        row = session.get_one(Article, article, with_for_update=True)
        told = follow(session, row, NotificationKind.CORRECTION, "", press.clock(), "")
        told.state, told.released_at = NotificationState.RELEASED, press.clock()
    plan_notification(runtime, told.id)

    assert press.states(told.id) == {}


def test_later_news_of_a_told_story_and_of_the_same_article_leave_its_readers_out(
    press, town, daily, yesterday, runtime
):
    reader = daily()
    first = press.release(yesterday)
    press.plan()
    press.send()
    town.subscribe(reader, "spor")  # at once, from now on
    second = press.release(press.clock(), ("spor",), is_planned=False)
    press.join(first, second)

    for notification in town.all(Notification):
        if notification.article_id == second:
            plan_notification(runtime, notification.id)

    assert len(press.letters()) == 1
    assert town.all(Notification)[-1].planned == 0


def test_a_halted_topic_takes_its_items_out_and_a_paused_article_waits_for_nobody(
    press, town, daily, yesterday, runtime
):
    reader, paused = daily(), daily("saglik")
    town.subscribe(reader, "spor", None, Frequency.DAILY)
    press.release(yesterday)
    sport = press.release(yesterday, ("spor",))
    health = press.release(yesterday, ("saglik",))
    (digest,) = press.plan()

    with runtime.db.write() as session:
        pause(session, HaltScope.ARTICLE, health, "", None, press.clock())
        cancel(session, HaltScope.TOPIC, town.topic(), "", None, press.clock())
    press.send()

    assert press.told(digest) == {reader: [sport]}
    assert press.states(digest) == {reader: SENT, paused: CANCELLED}


def test_quiet_hours_and_breaks_hold_for_digests_too(press, town, daily, yesterday, runtime):
    asleep, away, blocked = daily(), daily(), daily(is_suppressed=True)
    press.release(yesterday)
    (digest,) = press.plan()
    with runtime.db.write() as session:
        row = session.get_one(Destination, asleep)
        row.quiet_from, row.quiet_until = 22 * 60, 9 * 60
        session.get_one(Destination, away).is_paused = True

    press.send()

    assert press.states(digest) == {asleep: DEFERRED, away: SUPPRESSED, blocked: SUPPRESSED}
    assert town.count(Suppression) == 1


def test_news_told_at_once_meanwhile_are_not_told_again(press, town, daily, yesterday, runtime):
    reader = daily()
    article = press.release(yesterday)
    (digest,) = press.plan()
    with runtime.db.write() as session:  # as if it had been planned at the same moment
        news = session.query(Notification).filter_by(article_id=article).one()
        session.add(
            Delivery(
                notification_id=news.id,
                destination_id=reader,
                state=DeliveryState.SENT,
                revision_id=1,
            )
        )
        news.planned += 1

    press.send()

    assert press.states(digest) == {reader: CANCELLED}
    assert press.letters() == []


def test_who_has_the_text_that_an_article_went_back_to_by_a_digest_is_not_corrected(
    press, town, daily, yesterday, runtime
):
    reader = daily()
    article = press.release(yesterday, title="Eski")
    press.plan()
    press.send()
    (item,) = town.all(DigestItem)
    rewrite(runtime, town, article, "Yeni")
    with runtime.db.write() as session:
        row = session.get_one(Article, article, with_for_update=True)
        told = follow(session, row, NotificationKind.CORRECTION, "", press.clock(), "")
        told.state, told.released_at = NotificationState.RELEASED, press.clock()
    plan_notification(runtime, told.id)
    with runtime.db.write() as session:  # back to the old text, before it left
        row = session.get_one(Article, article)
        row.revision_id = row.shown_revision_id = item.revision_id
    press.send()

    assert press.states(told.id) == {reader: CANCELLED}
    assert len(press.letters()) == 1
