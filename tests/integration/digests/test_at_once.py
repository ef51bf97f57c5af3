"""News and a digest of one story that are planned at the same moment: the second one sees the
first, so nobody is told twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta

import pytest
from sqlalchemy import select

from service.ledger.layout import Shares
from service.ledger.plan import begin_planning, plan_range
from service.models import DigestRun, Frequency, Notification
from workers.digest import make_due_runs
from workers.plan import plan_notification

pytestmark = pytest.mark.usefixtures("full_audit")
LONG_ENOUGH_S = 1.0  # for a plan that waits for nothing


@pytest.fixture
def reader(town, daily):
    reader = daily("spor")
    town.subscribe(reader, "iklim-cevre")
    return reader


@pytest.mark.parametrize("is_news_first", [True, False])
def test_of_one_story_the_second_plan_sees_the_first(
    is_news_first, press, town, reader, yesterday, runtime
):
    told = press.release(yesterday, ("spor",))
    again = press.release(yesterday + timedelta(days=1), is_planned=False)
    press.join(told, again)
    make_due_runs(runtime)
    with runtime.db.read() as session:
        run = select(DigestRun).where(DigestRun.frequency == Frequency.DAILY)
        digest = session.scalars(run).one().notification_id
        news = session.scalars(
            select(Notification.id).where(Notification.article_id == again)
        ).one()
    first, second = (news, digest) if is_news_first else (digest, news)

    with ThreadPoolExecutor(1) as pool:
        with runtime.db.write() as session:
            planned = begin_planning(session, first, press.clock())
            plan_range(session, planned, Shares(), press.clock())
            other = pool.submit(plan_notification, runtime, second)
            wait([other], LONG_ENOUGH_S)
        other.result()
    plan_notification(runtime, first)
    press.send()

    assert len(press.letters()) == 1
    assert town.states(second) == {}
