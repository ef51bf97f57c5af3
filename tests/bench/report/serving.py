"""The benches of what comes in and is asked for: the door, topics, pages of staff and feeds."""

from __future__ import annotations

from tests.bench.accuracy.report import KEYS
from tests.bench.feeds.document import BARS
from tests.bench.report.figures import Bench, Ratio

ACCURACY = tuple(key for key in KEYS if key != "cost_vs_tokenise")  # told with their intervals

INGEST = Bench(
    "ingest",
    "tests.bench.ingest",
    "The door",
    "",
    {
        "accepted_vs_noop": Ratio(
            "Signed articles accepted a second, each stored before it is answered, by an empty "
            "view of the same server; the worse database."
        ),
        "accepted_vs_noop_sqlite": Ratio("The same on SQLite."),
        "accepted_vs_noop_postgresql": Ratio("The same on PostgreSQL."),
        "accepted_per_s_sqlite": Ratio("Articles accepted a second on SQLite."),
        "accepted_per_s_postgresql": Ratio("Articles accepted a second on PostgreSQL."),
        "p99_ms": Ratio(
            "The 99th percentile of the answers at 50 articles a second while all workers work."
        ),
        "redis_frozen_ms": Ratio("The slowest answer while Redis is stopped."),
    },
)

CLASSIFY = Bench(
    "classify",
    "tests.bench.classify",
    "Classification",
    "accuracy.md",
    {
        "cost_vs_tokenise": Ratio(
            "Time to classify an article by that to split it into words alone."
        )
    },
    needs="TELLAL_BENCH_DATA",
    plain=ACCURACY,
)

ADMIN = Bench(
    "admin",
    "tests.bench.admin",
    "Pages of staff",
    "performance/admin.md",
    {
        "slowest_query_ms": Ratio(
            "The slowest query of any page or route of staff, the middle of three; bar of "
            "each: 200 ms.",
            most=200,
            missed="the table on its own page names each query that takes longer.",
        ),
        "pages": Ratio("How many addresses were opened."),
    },
    plain=("over_200_ms", "full_scans"),
)

FEEDS = Bench(
    "feeds",
    "tests.bench.feeds",
    "Feeds",
    "performance/feeds.md",
    {
        "ours_304_vs_noop": Ratio(
            "Answers 304 a second by an empty view of plain Flask under the same server.",
            BARS["ours_304_vs_noop"],
        ),
        "ours_200gz_vs_noop": Ratio(
            "Whole feeds, compressed, by that empty view.", BARS["ours_200gz_vs_noop"]
        ),
        "nginx_304_vs_static": Ratio(
            "Answers 304 from nginx's cache by those of its own file.",
            BARS["nginx_304_vs_static"],
            missed="it was met in other runs (1.00); nginx and who asks it share the two cores.",
        ),
        "vs_feedgen_per_request": Ratio(
            "Whole feeds a second by a view that builds each by feedgen and compresses it.",
            BARS["vs_feedgen_per_request"],
            missed="ours is close to what Flask and the server need for any answer "
            "(`ours_200gz_vs_noop`), so nothing much is left to gain.",
        ),
        "vs_feedgen_uncompressed": Ratio("The same where feedgen's bytes go plain."),
        "cold_vs_feedgen": Ratio("Feeds nobody asked for before, by that view of feedgen."),
        "join_vs_feedgen": Ratio(
            "Processor time of a feed by feedgen by that of a join of fragments.",
            BARS["join_vs_feedgen"],
        ),
    },
    plain=(
        "keys",
        "touched",
        "composed_after_publish",
        "news_after_ms",
        "cold_ms",
        "delta_of_body",
        "gzip_join_vs_feedgen",
        "gzip_join_vs_gzip",
        "gzip_join_size",
        "body_kb",
        "memory_before_mb",
        "memory_after_mb",
        "memory_after_flood_mb",
        "cache_mb",
        "per_s",
    ),
)
