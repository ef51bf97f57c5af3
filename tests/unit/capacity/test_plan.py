"""The arithmetic of the plan: what doubles with what, and what it says is too little."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from service.capacity.costs import Costs, document
from service.capacity.load import Load
from service.capacity.plan import BUSY, PARTITION_DAYS, Means, plan
from service.cli import cli

COSTS = Costs.measured()
CITY = Load(subscribers=1_000_000, articles=100)

loads = st.builds(
    Load,
    subscribers=st.floats(10, 1e8),
    articles=st.floats(1, 10_000),
    mail=st.floats(0.01, 0.8),
    chat=st.floats(0, 0.2),
    topics=st.integers(3, 200),
    topics_each=st.floats(0.1, 3),
    topics_of_article=st.floats(1, 4),
    open_h=st.floats(1, 24),
    peak=st.floats(1, 10),
    digest=st.floats(0, 1),
    is_signed=st.booleans(),
)


def test_each_cost_names_where_it_was_measured():
    for name, cost in document()["costs"].items():
        assert cost["value"] > 0, name
        assert cost["source"].startswith(("tests.bench.", "docs/performance/")), name
        assert cost["unit"], name


def test_a_plan_by_hand():
    """One topic for all, everybody by mail and at once: nothing is left to chance."""
    load = Load(
        subscribers=1_000, articles=10, mail=1, chat=0, topics=1, topics_each=1,
        topics_of_article=1, open_h=10, peak=2, digest=0, retention_days=30, failing=0,
    )  # fmt: skip
    found = plan(load, Means(relay_s=10, relays=1, nodes=1), COSTS)

    assert found.deliveries_day == 10_000
    assert found.rows_day == 10_010  # and the notifications
    assert found.rows_kept == 10_010 * (30 + PARTITION_DAYS)
    each = COSTS.delivery_table_bytes + COSTS.delivery_index_bytes + COSTS.batch_bytes
    assert found.ledger_bytes == pytest.approx(10_000 * each * 39)
    assert found.peak_letters_s == pytest.approx(2_000 / 3600)  # two articles in that hour
    assert found.rate_s == 10  # what the relay takes
    assert found.everybody_min == pytest.approx(1_000 / 10 / 60)


@given(loads, st.sampled_from([2.0, 10.0]))
def test_ten_times_the_subscribers_are_ten_times_the_rows_and_bytes(load, factor):
    one, more = (plan(of, Means(), COSTS) for of in (load, load.times(factor)))
    assert more.deliveries_day == pytest.approx(one.deliveries_day * factor)
    assert more.ledger_bytes == pytest.approx(one.ledger_bytes * factor)
    assert more.peak_letters_s == pytest.approx(one.peak_letters_s * factor)
    assert more.nodes >= one.nodes
    assert more.relays >= one.relays


@given(loads)
def test_what_a_plan_chooses_is_enough_and_not_too_much(load):
    found = plan(load, Means(), COSTS)
    assert 0 < load.reach <= 1
    assert found.holds
    assert found.bottleneck.use <= BUSY + 1e-9
    fewer = plan(load, Means(relays=max(found.relays - 1, 1)), COSTS)
    assert found.relays == 1 or fewer.resources[0].use > BUSY
    assert found.article_min <= found.everybody_min + 1e-9


def test_too_few_relays_are_the_bottleneck_and_it_does_not_hold():
    needs = plan(CITY, Means(), COSTS)
    found = plan(CITY, Means(relay_s=needs.peak_letters_s / 2, relays=1), COSTS)
    assert (found.bottleneck.name, found.holds) == ("relays", False)
    assert found.bottleneck.use == pytest.approx(2)


def test_too_few_workers_are_the_bottleneck():
    found = plan(CITY, Means(workers=1, nodes=1, relay_s=1e6, database_cores=64), COSTS)
    assert found.bottleneck.name == "workers"


def test_a_relay_that_signs_spares_the_workers():
    ours, theirs = (
        plan(replace(CITY, is_signed=signs), Means(nodes=1), COSTS) for signs in (True, False)
    )
    assert ours.resources[1].load > theirs.resources[1].load


def capacity(*words: str):
    return CliRunner().invoke(cli, ["capacity", *words])


def test_the_command_says_what_is_the_bottleneck():
    said = capacity("--subscribers", "4e6", "--articles", "300")
    assert said.exit_code == 0
    assert "4,000,000 subscribers" in said.output
    assert "Bottleneck: " in said.output
    assert "does not hold" not in said.output

    said = capacity("--subscribers", "4e6", "--articles", "300", "--relays", "1")
    assert "Bottleneck: relays" in said.output
    assert "It does not hold" in said.output


def test_json_has_all_that_the_table_has():
    words = ["--subscribers", "1000", "--articles", "10", "--json"]
    found = json.loads(capacity(*words).output)
    assert found["load"]["subscribers"] == 1000
    assert found["rows_kept"] > found["rows_day"] > found["deliveries_day"] > 0
    assert {one["name"] for one in found["resources"]} == {"relays", "workers", "database"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mail", "0.9", "--chat", "0.2"], "more than all subscribers"),
        (["--topics", "3", "--topics-each", "4"], "more topics than there are"),
    ],
)
def test_what_cannot_be_is_refused(words, said):
    found = capacity("--subscribers", "10", "--articles", "1", *words)
    assert found.exit_code == 2
    assert said in found.output


def test_the_picture_is_well_formed_and_holds_its_table(tmp_path):
    file = tmp_path / "growth.svg"
    words = ["--subscribers", "4e6", "--articles", "300", "--svg", str(file)]
    assert capacity(*words).exit_code == 0
    texts = [one.text or "" for one in ElementTree.parse(file).iter() if one.tag.endswith("text")]
    assert {"subscribers", "rows kept", "GB kept", "nodes"} <= set(texts)
    assert {"400,000", "4,000,000", "40,000,000"} <= set(texts)


@pytest.mark.parametrize("number", ["nan", "inf", "1e300", "0", "-1", "1e-320"])
@pytest.mark.parametrize("option", ["--subscribers", "--articles", "--peak", "--relay-s"])
def test_numbers_of_no_city_are_refused_by_their_option(option, number):
    _is_refused(option, number)


@pytest.mark.parametrize("number", ["nan", "inf", "1e300", "-1"])
def test_a_city_may_have_no_mail_but_no_such_share_of_it(number):
    _is_refused("--mail", number)


def _is_refused(option: str, number: str) -> None:
    usual = {"--subscribers": "4e6", "--articles": "20"}
    words = [word for pair in {**usual, option: number}.items() for word in pair]
    result = capacity(*words)
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.output


def test_a_count_beyond_all_bounds_is_refused():
    for option in ("--nodes", "--workers", "--retention-days", "--topics"):
        assert capacity("--subscribers", "1", "--articles", "1", option, "9" * 400).exit_code == 2


def test_the_extremes_of_what_is_taken_have_a_plan_and_a_picture(tmp_path):
    path = tmp_path / "x.svg"
    for size in ("1e-6", "1e12"):
        for more in ([], ["--mail", "0", "--chat", "0"], ["--relay-s", "1e-6"]):
            words = ["--subscribers", size, "--articles", size, *more, "--svg", str(path)]
            result = capacity(*words, "--json")
            assert result.exit_code == 0, result.output
            json.loads(result.output, parse_constant=pytest.fail)
            ElementTree.parse(path)
    nowhere = capacity("--subscribers", "1", "--articles", "1", "--svg", str(tmp_path / "no" / "x"))
    assert nowhere.exit_code == 2
    assert "cannot be written" in nowhere.output
