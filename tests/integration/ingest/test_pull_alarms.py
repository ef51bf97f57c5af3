"""Alarms of a pull: shown to staff from when they began until the next poll that goes well."""

from __future__ import annotations

import pytest

from service.models import PullKind
from tests.integration.ingest.pulled import RSS, item, rss


@pytest.fixture
def listed(pulled):
    """A feed of twenty articles that went well."""
    pulled.feed(*range(1, 21))
    pulled.configure(PullKind.FEED, "/rss")
    pulled.poll()
    return pulled


@pytest.fixture
def shown(tellal):
    """The alarm in the list of sources; nothing where there is none."""
    return lambda: tellal("source", "list").rstrip("\n").partition("ALARM since ")[2]


def at(pull) -> str:
    return f"{pull.alarm_at:%Y-%m-%d %H:%M} UTC: "


def test_an_emptied_listing_alarms_for_as_long_as_it_is_so(listed, shown, logged):
    assert shown() == ""
    listed.site.put("/rss", rss(item(1)), RSS)
    began = at(listed.poll())
    assert began + "the listing shrank from 20 articles to 1" == shown()
    listed.poll()
    listed.poll(hours=3)
    assert shown().startswith(began)
    assert logged.count(("error", "pull alarm")) == 1

    listed.feed(*range(1, 21))
    listed.poll()
    assert shown() == ""


def test_what_is_right_so_is_taken_by_staff_s_word(listed, shown, tellal):
    listed.site.put("/rss", rss(item(1)), RSS)
    listed.poll()
    tellal("source", "pull", listed.slug, "--resume")
    listed.poll()

    assert shown() == ""


def test_a_listing_that_changed_its_shape_alarms(listed, shown):
    listed.site.put("/rss", "<html><h1>Yeni sitemiz</h1></html>")
    pull = listed.poll()
    assert at(pull) + "the listing can no longer be read as what it was" == shown()
    assert pull.reason

    del listed.site.pages["/rss"]
    listed.poll(hours=1)
    assert shown().startswith(at(pull))
    listed.feed(*range(1, 21))
    listed.poll(hours=2)
    assert shown() == ""


def test_a_site_that_is_away_neither_alarms_nor_ends_an_alarm(listed, shown):
    listed.site.put("/rss", "", status=503)
    listed.poll()
    assert shown() == ""

    listed.site.put("/rss", rss(item(1)), RSS)
    listed.poll(hours=1)
    listed.site.put("/rss", "", status=503)
    listed.poll(hours=1)
    assert shown().endswith("the listing shrank from 20 articles to 1")


def test_a_listing_that_never_could_be_read_is_a_mistake_and_no_alarm(pulled, shown):
    pulled.site.put("/rss", "<html></html>")
    pulled.configure(PullKind.FEED, "/rss")

    assert pulled.poll().reason
    assert shown() == ""


@pytest.mark.parametrize("headers", [{}, {"ETag": '"1"'}])
def test_a_source_that_has_gone_quiet_alarms_until_it_speaks(listed, shown, headers):
    listed.feed(*range(1, 21), headers=headers)
    listed.poll(days=13)
    assert shown() == ""
    pull = listed.poll(days=2)
    assert at(pull) + "nothing new has been listed for 14 days" == shown()

    listed.feed(*range(2, 22))
    listed.poll()
    assert shown() == ""


def test_new_settings_end_every_alarm(listed, shown):
    listed.poll(days=15)
    assert shown()
    listed.configure(PullKind.FEED, "/rss")

    assert shown() == ""
