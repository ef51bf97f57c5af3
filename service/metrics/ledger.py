"""What the ledger says of this moment, as metrics.

Each is a look along an index with an end, or a sum of the sums of a day: a scrape costs the same
with a thousand deliveries as with twenty million. Labels are of closed sets, or as many as there
are mail lanes of providers: no addresses, no articles, no hosts of strangers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.ledger import given_up, pipeline
from service.ledger.delays import percentile
from service.ledger.given_up import Given
from service.models import (
    Alarm,
    AlarmKind,
    Bounce,
    BounceVerdict,
    DelayDay,
    DeliveryDay,
    DeliveryState,
    DestinationKind,
    MailLane,
    ModelState,
    ModelVersion,
    TallyDay,
)
from service.subscriptions import channels

LANES = 50  # of providers; those of domains, whose names have dots, are only counted
BOUNCES = 20_000  # of the last hour that are counted
LATELY = timedelta(hours=1)
TERMS = "terms"  # the version where no model is in use
QUANTILES = (0.5, 0.95, 0.99)
KEPT = (BounceVerdict.HARD, BounceVerdict.DISABLED, BounceVerdict.SOFT, BounceVerdict.OURS)


def of_the_ledger(session: Session, now: datetime, zone: ZoneInfo) -> Iterator[Metric]:
    """All of them; `zone`: whose day is today's."""
    today = now.astimezone(zone).date()
    yield from _stages(session, now)
    yield from _batches(session, now)
    yield _deliveries(session, today)
    yield _delays(session, today)
    yield from _lanes(session, now)
    yield _bounces(session, now)
    yield from _model(session)
    yield from _troubles(session)


def _stages(session: Session, now: datetime) -> Iterator[Metric]:
    waiting = _gauge(
        "stage_waiting", f"Articles at a stage, counted up to {pipeline.MOST}.", "stage"
    )
    age = _gauge("stage_age_seconds", "How long the oldest of a stage has waited.", "stage")
    patience = _gauge(
        "stage_patience_seconds", "From when on such a wait is worth a look.", "stage"
    )
    for one in pipeline.stages(session, now):
        waiting.add_metric([one.stage], one.count)
        age.add_metric([one.stage], max((now - (one.since or now)).total_seconds(), 0.0))
        patience.add_metric([one.stage], pipeline.PATIENCE[one.stage].total_seconds())
    yield from (waiting, age, patience)


def _batches(session: Session, now: datetime) -> Iterator[Metric]:
    most = f"counted up to {pipeline.MOST_BATCHES}"
    total = {
        "open": _gauge("batches_open", f"Batches that are not done, {most}.", "channel"),
        "leased": _gauge("batches_leased", "Those in a worker's hands.", "channel"),
        "held": _gauge("batches_held", "Those that a pause of the staff holds.", "channel"),
    }
    counted: Counter[tuple[str, str]] = Counter()
    for lane in pipeline.batches(session, now)[0]:
        counted["open", lane.kind] += lane.count
        counted["leased", lane.kind] += lane.taken
        counted["held", lane.kind] += lane.held
    for what, family in total.items():
        for kind in DestinationKind:
            family.add_metric([kind.value], counted[what, kind.value])
    yield from total.values()


def _deliveries(session: Session, today: date) -> Metric:
    """From the sums of the day, which a chore keeps (docs/adr/0032)."""
    found: Counter[tuple[str, int]] = Counter()
    for table in (DeliveryDay, TallyDay):
        total = select(table.destination_kind, table.state, func.sum(table.count))
        where = total.where(table.day == today).group_by(table.destination_kind, table.state)
        for kind, state, count in session.execute(where):
            found[kind, int(state)] += int(count)
    family = _gauge(
        "today_deliveries",
        "Deliveries of what was released today, the city's day, as the ledger counted them last.",
        *("channel", "outcome"),
    )
    for kind in DestinationKind:
        for state in DeliveryState:
            family.add_metric([kind.value, state.word], found[kind.value, state])
    return family


def _delays(session: Session, today: date) -> Metric:
    query = (
        select(DelayDay.destination_kind, DelayDay.bucket, func.sum(DelayDay.count))
        .where(DelayDay.day == today)
        .group_by(DelayDay.destination_kind, DelayDay.bucket)
    )
    counts: dict[str, dict[int, int]] = {}
    for kind, bucket, count in session.execute(query):
        counts.setdefault(kind, {})[int(bucket)] = int(count)
    family = _gauge(
        "today_news_delay_seconds",
        "Within how long this share of today's news was delivered after publication.",
        *("channel", "share"),
    )
    for kind in DestinationKind:
        for share in QUANTILES:
            if (found := percentile(counts.get(kind.value, {}), share)) is not None:
                family.add_metric([kind.value, str(share)], found)
    return family


def _lanes(session: Session, now: datetime) -> Iterator[Metric]:
    closed = _gauge("mail_lane_closed", "1 while nothing goes to a provider.", "lane")
    links = _gauge("mail_lane_links", "How many connections a provider bears at a time.", "lane")
    query = select(MailLane).where(~MailLane.name.contains(".")).order_by(MailLane.name)
    for lane in session.scalars(query.limit(LANES)):
        is_closed = lane.closed_until is not None and lane.closed_until > now
        closed.add_metric([lane.name], is_closed)
        links.add_metric([lane.name], lane.links)
    yield from (closed, links)
    domains = select(MailLane.name).where(MailLane.name.contains("."), MailLane.closed_until > now)
    found = session.scalar(select(func.count()).select_from(domains.limit(1_000).subquery()))
    yield _value("mail_domains_closed", "Recipient domains to which nothing goes.", found)


def _bounces(session: Session, now: datetime) -> Metric:
    newest = (
        select(Bounce.verdict)
        .where(Bounce.at >= now - LATELY)
        .order_by(Bounce.at.desc(), Bounce.id.desc())
        .limit(BOUNCES)
        .subquery()
    )
    query = select(newest.c.verdict, func.count()).group_by(newest.c.verdict)
    counts = {row[0]: row[1] for row in session.execute(query)}
    family = _gauge("bounces_last_hour", "Letters that came back, by whose fault.", "verdict")
    for verdict in (*KEPT, BounceVerdict.COMPLAINT):
        family.add_metric([verdict.value], counts.get(verdict, 0))
    return family


def _model(session: Session) -> Iterator[Metric]:
    query = select(ModelVersion.fingerprint, ModelVersion.trained_at)
    row = session.execute(query.where(ModelVersion.state == ModelState.ACTIVE)).one_or_none()
    info = _gauge("model_info", "The classifier's model in use; terms: terms alone.", "version")
    info.add_metric([row.fingerprint if row else TERMS], 1)
    yield info
    trained = _gauge("model_trained_timestamp_seconds", "When the model in use was trained.")
    if row:
        trained.add_metric([], row.trained_at.timestamp())
    yield trained


def _troubles(session: Session) -> Iterator[Metric]:
    query = select(Alarm.kind, func.count()).where(Alarm.cleared_at.is_(None)).group_by(Alarm.kind)
    live = {row[0]: row[1] for row in session.execute(query)}
    family = _gauge("alarms", "Alarms that are live (`tellal alarms`).", "kind")
    for kind in AlarmKind:
        family.add_metric([kind.value], live.get(kind, 0))
    yield family
    yield _value(
        "events_given_up",
        "Events of sources that could not be read (`tellal dead-letters list event`).",
        given_up.count(session, Given.EVENT),
    )
    yield _value(
        "channels_paused", "Channels to which nothing goes.", len(channels.paused(session))
    )
    sources = len(pipeline.troubled_sources(session))
    yield _value("sources_troubled", "Sources that are paused, silent or unreadable.", sources)
    jobs = len(pipeline.unfinished_jobs(session))
    yield _value("jobs_unfinished", "Jobs of the staff that wait or run.", jobs)


def _gauge(name: str, says: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tellal_{name}", says, labels=labels)


def _value(name: str, says: str, value: float | None) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"tellal_{name}", says, value=float(value or 0))
