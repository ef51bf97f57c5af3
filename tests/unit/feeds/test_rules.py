"""The rules that feeds are held to: valid samples pass, and each rule refuses what breaks it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.feed_rules import findings

SAMPLES = Path(__file__).parents[2] / "data" / "feeds"
ENTRY = re.compile("<entry>.*</entry>|<item>.*</item>|<at:deleted-entry.*</at:deleted-entry>", re.S)


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def rules(text: str) -> set[str]:
    """Those that a document breaks."""
    return {found.partition(":")[0] for found in findings(text.encode())}


@pytest.mark.parametrize(
    "name", ["feed.atom", "archive.atom", "withdrawn.atom", "feed.rss", "feed.json"]
)
def test_a_valid_sample_breaks_no_rule(name):
    assert findings(sample(name).encode()) == []


@pytest.mark.parametrize("broken", json.loads(sample("broken.json")), ids=lambda one: one["rule"])
def test_each_rule_refuses_what_breaks_it(broken):
    text = sample(broken["sample"])
    assert broken["replace"] in text

    assert broken["rule"] in rules(text.replace(broken["replace"], broken["by"], 1))


@pytest.mark.parametrize(
    ("name", "rule"),
    [("feed.atom", "atom-double"), ("feed.rss", "rss-double"), ("withdrawn.atom", "stone-double")],
)
def test_nothing_stands_in_a_feed_twice(name, rule):
    assert rule in rules(ENTRY.sub(lambda found: found[0] * 2, sample(name)))


def test_items_of_json_have_an_id_each():
    feed = json.loads(sample("feed.json"))
    assert rules(json.dumps(feed | {"items": feed["items"] * 2})) == {"json-id"}


def test_items_of_rss_stand_newest_first():
    later = "Sat, 21 Nov 2026 09:00:00 +0300</pubDate>\n<dc"

    def followed(found: re.Match[str]) -> str:
        second = found[0].replace("haber/1<", "haber/2<")
        return found[0] + second.replace("Fri, 20 Nov 2026 09:00:00 +0300</pubDate>\n<dc", later)

    assert rules(ENTRY.sub(followed, sample("feed.rss"))) == {"rss-order"}


def test_an_entry_of_atom_says_who_wrote_it_and_something_to_read():
    text = sample("feed.atom")
    without_content = re.sub(r"<content.*?</content>", "", text, flags=re.S)
    alternate = r'<link rel="alternate" type="text/html" hreflang="tr" href="[^"]*haber/1[^"]*"/>'

    assert rules(without_content) == set()
    assert rules(re.sub(alternate, "", without_content)) == {"atom-content"}
    assert rules(re.sub(r"<author>.*?</author>", "", text)) == {"atom-author"}
    elsewhere = re.sub(r"<summary.*?</summary>", "", text).replace(
        '<content type="html"', '<content src="https://haber.belediye.example/1" type="html"'
    )
    assert rules(elsewhere) == {"atom-summary"}
