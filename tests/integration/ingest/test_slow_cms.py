"""A CMS that hangs or is away holds one thread, and not for long: others are asked meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from service.models import InboxEvent, PullKind, Verdict
from tests.integration.ingest.thin import DIRECTUS, inbox, item, serve
from tests.sites import CmsSite, served
from workers.enrich import enrich_event

WAIT_S = 10.0


@pytest.fixture
def other() -> Iterator[CmsSite]:
    """The site of another source, which answers."""
    with served() as other:
        serve(other, item())
        yield other


@pytest.fixture
def events(replay, town, directus, other) -> Callable[[int], list[int]]:
    """Posts so many events of the slow source and one of the other, last; gives their rows."""
    healthy = replay.source("directus", "bearer", f"{DIRECTUS}-create", api_url=other.url("/"))

    def events(count: int) -> list[int]:
        for slug in (*[directus] * count, healthy):
            replay.send(slug, f"{DIRECTUS}-update")
        return sorted(row.id for row in town.all(InboxEvent))

    return events


def test_while_one_site_hangs_others_are_asked_and_it_is_not_asked_twice(
    site, other, events, runtime, town, clock
):
    first, second, healthy = events(2)
    is_asked, may_answer = threading.Event(), threading.Event()

    def hang() -> None:
        is_asked.set()
        may_answer.wait(WAIT_S)

    site.before_answer = hang
    serve(site, item())
    thread = threading.Thread(target=enrich_event, args=(runtime, first))
    thread.start()
    assert is_asked.wait(WAIT_S)
    enrich_event(runtime, second)
    enrich_event(runtime, healthy)

    assert [verdict for verdict, _ in inbox(town)] == ["pending", "pending", "accepted"]
    assert (len(site.asked), town.get(InboxEvent, second).attempts) == (1, 0)

    may_answer.set()
    thread.join(WAIT_S)
    clock.advance(seconds=2)
    enrich_event(runtime, second)
    assert [verdict for verdict, _ in inbox(town)] == ["accepted", "unchanged", "accepted"]


def test_a_site_that_failed_three_times_is_left_in_peace_and_others_are_not(
    site, other, events, runtime, town, clock
):
    *slow, healthy = events(5)
    serve(site, {}, status=503)
    for event in slow:
        enrich_event(runtime, event)
    enrich_event(runtime, healthy)

    assert len(site.asked) == 3
    assert [town.get(InboxEvent, event).attempts for event in slow] == [1, 1, 1, 0, 0]
    assert town.get(InboxEvent, healthy).verdict == Verdict.ACCEPTED

    clock.advance(seconds=31)
    for event in slow:
        enrich_event(runtime, event)
    assert len(site.asked) == 4  # asked once more, and the rest is longer now
    clock.advance(seconds=31)
    for event in slow:
        enrich_event(runtime, event)
    assert len(site.asked) == 4

    serve(site, item())
    clock.advance(minutes=5)
    for event in slow:
        enrich_event(runtime, event)
    assert len(site.asked) == 9
    assert Verdict.PENDING not in {row.verdict for row in town.all(InboxEvent)}


def test_an_answer_that_says_no_is_no_sign_of_a_site_that_is_away(site, events, runtime, directus):
    *refused, _ = events(5)
    serve(site, {}, status=401)
    for event in refused:
        enrich_event(runtime, event)

    assert len(site.asked) == 5


def test_a_source_is_not_polled_while_its_cms_is_asked(
    site, events, runtime, town, pulled, directus
):
    first, _ = events(1)
    pulled.slug = directus
    pulled.configure(PullKind.FEED, "/rss")
    pulled.feed(1)
    site.before_answer = lambda: pulled.poll(minutes=0)
    serve(site, item())
    enrich_event(runtime, first)

    assert [path for path, _ in site.asked] == ["/items/haberler/1"]
    site.before_answer = lambda: None
    pulled.poll(minutes=0)
    assert "/rss" in site.paths()
