"""Every bench, in the order in which the report tells them."""

from __future__ import annotations

from tests.bench.report.figures import Bench
from tests.bench.report.sending import CHAT, DIGEST, LEDGER, MAIL, URGENT
from tests.bench.report.serving import ADMIN, CLASSIFY, FEEDS, INGEST

BENCHES = (
    LEDGER,
    DIGEST,
    MAIL,
    INGEST,
    CLASSIFY,
    URGENT,
    CHAT,
    ADMIN,
    FEEDS,
    Bench("costs", "tests.bench.costs", "What one of each costs", "scale.md", {}, plain=("costs",)),
    Bench("simulate", "tests.bench.simulate", "A day of a large city, simulated", "scale.md", {}),
)
# What lies beside the benches and is none, and who uses it.
PARTS = {
    "accuracy": "of classify",
    "classify_terms": "a table for whoever writes terms, by hand",
    "load": "of ingest",
    "report": "this page",
    "scale": "of costs; what compares simulation and sender is in docs/scale.md",
    "server": "of ingest and feeds",
    "soak": "has a command and a page of its own",
    "svg": "pictures",
}
