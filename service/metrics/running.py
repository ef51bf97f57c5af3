"""What is running: processes, queues, and what the processes have counted, as metrics.

All of it is in Redis. While that is away there is less to be said, and `tellal_broker_up` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from service.settings import Settings
from service.tasks import WORKERS, Queue
from service.telemetry.beats import Life
from service.telemetry.meters import COUNTS, LE, MARKS, SPREADS, SUM, Series, Spread


def expected(settings: Settings) -> tuple[str, ...]:
    """The processes that an installation with these settings has."""
    bounces = ("bounces",) if settings.bounce_lmtp else ()
    return ("web", *WORKERS, "sweeper", "scheduler", *bounces)


def of_queues(lengths: Mapping[Queue, int] | None) -> Iterator[Metric]:
    """How much waits in the broker; None: it is away."""
    yield GaugeMetricFamily(
        "tellal_broker_up", "1 where the broker answers.", value=float(lengths is not None)
    )
    family = GaugeMetricFamily(
        "tellal_queue_messages", "Rings of a queue that no worker has taken.", labels=["queue"]
    )
    for queue in Queue:
        if lengths and queue in lengths:
            family.add_metric([queue.value], lengths[queue])
    yield family


def of_processes(lives: Sequence[Life] | None, names: Sequence[str]) -> Iterator[Metric]:
    """Who is alive; `names`: who should be. None: nobody can say."""
    alive = GaugeMetricFamily(
        "tellal_processes", "Processes that showed a sign of life within a minute.", labels=["name"]
    )
    beat = GaugeMetricFamily(
        "tellal_process_last_beat_timestamp_seconds",
        "The last sign of life of any process of a name.",
        labels=["name"],
    )
    started = GaugeMetricFamily(
        "tellal_process_start_timestamp_seconds",
        "When the youngest process of a name was started.",
        labels=["name"],
    )
    memory = GaugeMetricFamily(
        "tellal_process_resident_bytes",
        "Memory of the largest process of a name; without the children of those that fork.",
        labels=["name"],
    )
    for name in names if lives is not None else ():
        of_name = [life for life in lives or () if life.name == name]
        living = [life for life in of_name if life.is_alive]
        alive.add_metric([name], len(living))
        if of_name:
            beat.add_metric([name], max(life.at for life in of_name))
        if living:
            started.add_metric([name], max(life.started_at for life in living))
            memory.add_metric([name], max(life.resident_bytes for life in living))
    yield from (alive, beat, started, memory)


def of_meters(totals: Mapping[Series, float] | None) -> Iterator[Metric]:
    """What processes counted as it happened."""
    totals = totals or {}
    for meter in COUNTS:
        counter = CounterMetricFamily(meter.name, meter.says, labels=meter.labels)
        for labels, value in _of(totals, meter.name, len(meter.labels)):
            counter.add_metric(labels, value)
        yield counter
    for mark in MARKS:
        gauge = GaugeMetricFamily(mark.name, mark.says, labels=mark.labels)
        for labels, value in _of(totals, mark.name, len(mark.labels)):
            gauge.add_metric(labels, value)
        yield gauge
    for spread in SPREADS:
        yield _histogram(totals, spread)


def _histogram(totals: Mapping[Series, float], spread: Spread) -> Metric:
    family = HistogramMetricFamily(spread.name, spread.says, labels=spread.labels)
    size = len(spread.labels)
    counts: dict[tuple[str, ...], list[float]] = {}
    sums: dict[tuple[str, ...], float] = {}
    for series, value in totals.items():
        labels = tuple(map(str, series[1 : size + 1]))
        match series[size + 1 :] if series[0] == spread.name else ():
            case (str(word), int(bucket)) if word == LE and 0 <= bucket <= len(spread.edges):
                counts.setdefault(labels, [0.0] * (len(spread.edges) + 1))[bucket] += value
            case (str(word),) if word == SUM:
                sums[labels] = value
    edges = [*(str(float(edge)) for edge in spread.edges), "+Inf"]
    for labels in sorted(counts):
        buckets = list(zip(edges, accumulate(counts[labels]), strict=True))
        family.add_metric(labels, buckets, sum_value=sums.get(labels, 0.0))
    return family


def _of(
    totals: Mapping[Series, float], name: str, size: int
) -> Iterator[tuple[tuple[str, ...], float]]:
    """The series of a name; one of another release, whose labels are others, is left out."""
    for series in sorted(totals, key=str):
        if series[0] == name and len(series) == size + 1:
            yield tuple(map(str, series[1:])), totals[series]
