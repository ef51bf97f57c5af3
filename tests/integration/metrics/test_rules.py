"""Alerts, their runbooks and the dashboard speak of metrics and labels that there are."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from service.access import _KINDS, FROM_MEMORY, NOWHERE
from service.cli import cli
from service.models import AlarmKind
from service.runtime import Runtime
from service.subscriptions.addresses import OTHER, PROVIDERS
from service.tasks import Task
from service.telemetry.beats import Beat
from service.telemetry.meters import COUNTS, MARKS, SPREADS
from tests.integration.metrics.conftest import Scrape
from workers.measuring import DIGEST, FEED, NEWS, SERVICE, URGENT
from workers.recover import Done

ROOT = Path(__file__).parents[3]
PROMETHEUS, GRAFANA = ROOT / "config" / "prometheus", ROOT / "config" / "grafana" / "tellal.json"
RUNBOOKS = ROOT / "docs" / "runbooks"
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yaml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
NAMES = [rule["alert"] for rule in RULES]
TRIED = Path(__file__).with_name("alert_tests.yaml")
COMPARISON = re.compile(r"\w+(\{[^}]*\})? (==|>|<) [\de.]+")
SELECTOR = re.compile(r"\b(tellal_\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
GROUPED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")
USED = re.compile(r"\{\{\s*\$labels\.(\w+)\s*\}\}|\{\{(\w+)\}\}")
HEADINGS = ["What it means", "Look here", "Do this", "When it is over"]
# Of what processes count, a scrape has a series once there was one; these are all there can be.
WORDS: dict[str, set[str]] = {
    "route": {*(kind for _, kind in _KINDS), FROM_MEMORY, NOWHERE, "door", "citizen"},
    "priority": {URGENT, NEWS, DIGEST, SERVICE, FEED},
    "task": {task.value for task in Task},
    "rung": {"yes", "no"},
    "outcome": {"sent", "deferred", "rejected", "unknown", "suppressed", "cancelled"},
    "lane": {*PROVIDERS, OTHER},
    "what": set(Done),
    "job": {"tellal"},
}


def queries() -> Iterator[tuple[str, str, str]]:
    """Where, the query, and the text that is shown with it."""
    for rule in RULES:
        yield rule["alert"], rule["expr"], rule["annotations"]["summary"]
    for panel in json.loads(GRAFANA.read_text("utf-8"))["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target["legendFormat"]


@pytest.fixture
def known(runtime: Runtime, scrape: Callable[[], Scrape], settings: Any) -> dict[str, Any]:
    """What a scrape has: each sample's labels, and the values that each of them has."""
    Beat(settings, "sweeper")()
    for meter in (*COUNTS, *SPREADS, *MARKS):
        labels = [sorted(WORDS.get(label, {"200", "email"}))[0] for label in meter.labels]
        if meter in SPREADS:
            runtime.meters.observe(meter, 1.0, *labels)  # type: ignore[arg-type]
        elif meter in MARKS:
            runtime.meters.mark(meter, *labels)  # type: ignore[arg-type]
        else:
            runtime.meters.add(meter, *labels)
    with runtime.db.write() as session:
        from service.models import MailLane, ModelState, ModelVersion

        session.add(MailLane(name="gmail", links=1))
        session.add(
            ModelVersion(state=ModelState.ACTIVE, content=b"", fingerprint="abc", examples=1)
        )
    runtime.meters.tell()
    known: dict[str, dict[str, set[str]]] = {"up": {"job": {"tellal"}, "instance": set()}}
    for name, labels in scrape().samples:
        of_name = known.setdefault(name, {})
        for label, value in labels:
            of_name.setdefault(label, set()).add(value)
    # There was no news today that it could tell of.
    known["tellal_today_news_delay_seconds"] = {"channel": {"email"}, "share": {"0.5"}}
    return known


def test_every_query_asks_for_what_there_is(known: dict[str, dict[str, set[str]]]):
    wrong = []
    for where, query, shown in queries():
        found = SELECTOR.findall(re.sub(r'"[^"]*"', _quoted, query))
        assert found, where
        labels: set[str] = set()
        for name, _ in found:
            if name not in known:
                wrong.append((where, name))
                continue
            labels |= known[name].keys()
        for name, matchers in SELECTOR.findall(query):
            for label, how, value in MATCHER.findall(matchers):
                values = WORDS.get(label) or known.get(name, {}).get(label, set())
                said = value.split("|") if "~" in how else [value]
                if label not in known.get(name, {}):
                    wrong.append((where, name, label))
                elif label == "status":
                    re.compile(value)
                elif not set(said) <= values:
                    wrong.append((where, name, label, value))
        grouped = {word.strip() for one in GROUPED.findall(query) for word in one.split(",")}
        used = {one or other for one, other in USED.findall(shown)}
        if missing := (grouped | used) - labels:
            wrong.append((where, sorted(missing)))
    assert wrong == []


def test_a_metric_that_is_not_there_is_noticed(known):
    assert "tellal_stage_age_seconds" in known
    assert SELECTOR.findall('rate(tellal_none_total{a="b"}[5m]) > up') == [
        ("tellal_none_total", 'a="b"'),
        ("up", ""),
    ]
    assert "tellal_none_total" not in known


def test_each_alert_has_a_runbook_and_each_runbook_an_alert():
    assert len(NAMES) == len(set(NAMES))
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(NAMES)
    for rule in RULES:
        page = ROOT / rule["annotations"]["runbook"]
        text = page.read_text("utf-8")
        assert page.stem == rule["alert"]
        assert text.startswith(f"# {rule['alert']}\n")
        assert re.findall(r"^## (.*)$", text, re.M) == HEADINGS, page.name
        assert " ".join(rule["expr"].split()) in " ".join(text.split()), page.name
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["labels"]["severity"].capitalize() in text, page.name


def test_each_kind_of_alarm_is_an_alert():
    asked = {kind for rule in RULES for kind in re.findall(r'\{kind="([^"]*)"\}', rule["expr"])}
    assert asked == {kind.value for kind in AlarmKind}


def test_runbooks_name_commands_that_there_are():
    said = {
        (path.name, command)
        for path in [*RUNBOOKS.glob("*.md"), ROOT / "docs" / "monitoring.md"]
        for command in re.findall(r"`tellal ([a-z][^`]*)`", path.read_text("utf-8"))
    }
    assert len(said) > 30
    assert sorted(one for one in said if not _is_command(one[1].split())) == []


def found_promtool(say: Callable[[str], None]) -> str | None:
    """Where it is; CI demands it, and elsewhere it is said that it is missing."""
    found = shutil.which("promtool")
    if found is None:
        assert not os.environ.get("CI"), "promtool is missing (Debian: prometheus)"
        say("alert rules: promtool is not installed here; checked by our own tests alone")
    return found


def test_alerts_that_are_more_than_a_comparison_are_tried():
    """By made-up series: each is raised in one of them, and in another moment it is not."""
    raised, silent = set(), set()
    for case in yaml.safe_load(TRIED.read_text("utf-8"))["tests"]:
        for one in case["alert_rule_test"]:
            (raised if one.get("exp_alerts") else silent).add(one["alertname"])
    assert raised <= set(NAMES)
    assert len(raised) >= 20
    complex_ = {rule["alert"] for rule in RULES if not COMPARISON.fullmatch(rule["expr"])}
    assert complex_ - raised == set()
    assert complex_ - silent == {"TellalProcessRestarts"}  # beside one that is left in peace


def test_promtool_takes_the_rules(tmp_path: Path, say: Callable[[str], None]):
    """By Prometheus' own checker where the machine has one; its syntax is read here in any case."""
    for rule in RULES:
        assert rule["expr"].count("(") == rule["expr"].count(")")
        assert re.fullmatch(r"\d+[mh]", rule["for"])
    config = yaml.safe_load((PROMETHEUS / "prometheus.yaml").read_text("utf-8"))
    assert config["rule_files"] == ["alerts.yaml"]
    assert [job["job_name"] for job in config["scrape_configs"]] == ["tellal"]
    if (promtool := found_promtool(say)) is None:
        return
    for words in (
        ("check", "rules", PROMETHEUS / "alerts.yaml"),
        ("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yaml"),
        ("test", "rules", TRIED),
    ):
        done = subprocess.run([promtool, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    say("alert rules: promtool has checked them")


def test_the_file_as_a_plain_server_has_it(tmp_path: Path):
    """Changed by the very command of the page."""
    page = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    command, _, target = re.findall(r"^(sed .*) (>) (\S+)$", page, re.MULTILINE)[0]
    assert target == "/etc/prometheus/prometheus.yml"
    done = subprocess.run(shlex.split(command), cwd=ROOT, capture_output=True, text=True)
    config = yaml.safe_load(done.stdout)
    [job] = config["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["127.0.0.1:8080"]}]
    assert job["authorization"] == {"credentials_file": "/etc/prometheus/tellal-token"}
    [manager] = config["alerting"]["alertmanagers"]
    assert manager == {"static_configs": [{"targets": ["127.0.0.1:9093"]}]}
    if promtool := shutil.which("promtool"):
        (tmp_path / "prometheus.yml").write_text(done.stdout)
        words = [promtool, "check", "config", "--syntax-only", str(tmp_path / "prometheus.yml")]
        assert subprocess.run(words, capture_output=True).returncode == 0


def test_promtool_takes_a_scrape(known, scrape: Callable[[], Scrape], say: Callable[[str], None]):
    """Names and labels as Prometheus has them, where its checker is at hand."""
    text = scrape().text
    assert all(line.startswith(("tellal_", "# ")) for line in text.splitlines())
    if promtool := found_promtool(say):
        done = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def _quoted(found: re.Match[str]) -> str:
    """Words in quotes are no metrics."""
    return '"' + "x" * (len(found[0]) - 2) + '"'


def _is_command(words: list[str]) -> bool:
    found: click.Command | None = cli
    context = click.Context(cli)
    for word in words:
        if not isinstance(found, click.Group):
            return found is not None  # what follows are its arguments
        inner = found.get_command(context, word)
        if inner is None:
            return found.invoke_without_command
        found = inner
    return True
