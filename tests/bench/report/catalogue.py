"""Every bench, and of each figure that counts: how it was taken, in a sentence, and its bar."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.bench.accuracy.report import KEYS
from tests.bench.chat.document import BARS as CHAT
from tests.bench.feeds.document import BARS as FEEDS
from tests.bench.mail.figures import AT_LEAST, AT_MOST

ACCURACY = tuple(key for key in KEYS if key != "cost_vs_tokenise")  # told with their intervals


@dataclass(frozen=True)
class Ratio:
    """One figure. `least` and `most` are its bar, where there is one."""

    how: str
    least: float | None = None
    most: float | None = None

    @property
    def bar(self) -> str:
        parts = [f"≥ {self.least:g}" if self.least is not None else ""]
        parts.append(f"≤ {self.most:g}" if self.most is not None else "")
        return " ".join(filter(None, parts))

    def verdict(self, value: float | None) -> str:
        """In a word whether the bar is met; empty where there is no bar or no value."""
        if value is None or not self.bar:
            return ""
        is_met = (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )
        return "met" if is_met else "not met"


@dataclass(frozen=True)
class Bench:
    """One bench. `page` is its own in docs, empty where it has none; `needs` is a variable of the
    environment that names its data; `plain` are figures that are told on its own page alone."""

    name: str
    module: str
    title: str
    page: str
    ratios: dict[str, Ratio]
    needs: str = ""
    plain: tuple[str, ...] = field(default=())


def _mail(name: str, how: str) -> dict[str, Ratio]:
    return {name: Ratio(how, AT_LEAST.get(name), AT_MOST.get(name))}


BENCHES = (
    Bench(
        "ledger",
        "tests.bench.ledger",
        "The ledger",
        "performance/ledger.md",
        {
            "plan_vs_insert_sqlite": Ratio(
                "Deliveries planned a second by the rows that a bare `INSERT … SELECT` into the "
                "same table makes, on SQLite."
            ),
            "plan_vs_insert_postgresql": Ratio("The same on PostgreSQL."),
            "memory_1m_vs_10k": Ratio(
                "Peak memory of a process that plans for the most readers by that for the fewest.",
            ),
            "cost_1m_vs_10k": Ratio(
                "All that one delivery costs, with the most readers by that with the fewest; the "
                "worse database."
            ),
            "sender_vs_no_ledger": Ratio(
                "Letters a second with claim, journal and settling by the same sender without "
                "any; the worse database."
            ),
        },
        plain=("cost_us",),
    ),
    Bench(
        "digest",
        "tests.bench.digest",
        "Digests",
        "performance/digest.md",
        {
            "vs_bare_sql": Ratio(
                "Readers planned a second by one bare statement that makes the same matches; the "
                "worse database."
            ),
            "oracle_mismatches": Ratio(
                "Sampled readers who were planned anything else than a brute-force oracle says.",
                most=0,
            ),
            "persons_per_s": Ratio("Readers planned a second, on the slower database."),
            "letters_per_s": Ratio(
                "Letters of digests written and signed a second of one core, likewise."
            ),
        },
        plain=("sqlite", "postgresql"),
    ),
    Bench(
        "mail",
        "tests.bench.mail",
        "Mail",
        "performance/email.md",
        {
            **_mail(
                "unsigned_vs_smtp_source",
                "Letters a second of the pipeline alone by Postfix's `smtp-source`, to the same "
                "`smtp-sink`.",
            ),
            **_mail(
                "signed_vs_openssl",
                "Signed letters a second by what `openssl speed` signs on all cores.",
            ),
            **_mail(
                "worker_vs_bare",
                "Letters a second of one whole worker on SQLite, ledger and journal included, by "
                "the pipeline alone.",
            ),
            **_mail(
                "at_20ms_vs_smtplib",
                "Pipeline by threads of `smtplib` with as many connections, server 20 ms away.",
            ),
            **_mail(
                "vs_postfix_source",
                "Signed letters a second into a private Postfix by `smtp-source` into the same.",
            ),
            **_mail("vs_apprise", "Pipeline by one call of Apprise for each letter, nearby."),
            **_mail(
                "worker_vs_smtplib",
                "A whole worker by threads of `smtplib` that send ready bytes, nearby.",
            ),
            **_mail(
                "worker_vs_mailman",
                "A whole worker by Mailman 3 with a letter of its own for each member, nearby.",
            ),
            **_mail("rss_mb", "Megabytes of the largest sending process of ours."),
            **_mail(
                "memory_bare",
                "Peak memory of the pipeline for the most recipients by that for the fewest.",
            ),
            **_mail("memory_worker", "The same of a whole worker."),
            **_mail(
                "render_vs_email_message",
                "Processor time of a letter built by `EmailMessage` by that of one joined from "
                "segments.",
            ),
            **_mail(
                "beside_a_slow_lane",
                "Rate of a lane beside one whose server answers after two seconds by its rate "
                "alone.",
            ),
        },
        plain=("per_s",),
    ),
    Bench(
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
    ),
    Bench(
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
    ),
    Bench(
        "urgent",
        "tests.bench.urgent",
        "Urgent news",
        "",
        {
            "urgent_vs_batch": Ratio(
                "Seconds until urgent news has reached the first reader, behind ten articles to "
                "everybody, by the seconds of a full batch of theirs; the worse database.",
                most=1,
            ),
            "urgent_first_s_sqlite": Ratio("Those seconds, from its 202 on, on SQLite."),
            "urgent_first_s_postgresql": Ratio("The same on PostgreSQL."),
            "batch_s_sqlite": Ratio("The median seconds of a full batch, on SQLite."),
            "batch_s_postgresql": Ratio("The same on PostgreSQL."),
        },
    ),
    Bench(
        "chat",
        "tests.bench.chat",
        "Chat",
        "performance/chat.md",
        {
            "ours_vs_apprise_loop": Ratio(
                "Messages a second, from plan to settled delivery, by a loop of "
                "`Apprise.notify()`; each answer takes 100 ms.",
                CHAT["ours_vs_apprise_loop"],
            ),
            "ours_vs_apprise_loop_0ms": Ratio(
                "The same where answers come at once.", CHAT["ours_vs_apprise_loop_0ms"]
            ),
            "delay_by_dead_channel_ms": Ratio(
                "How much later the last of 49 channels hears where the first never answers."
            ),
            "retry_after_late_ms": Ratio(
                "The latest message after the end of a `Retry-After`.", most=2_000
            ),
            "rss_mb": Ratio("Megabytes of the process after all rounds."),
            "rss_grew_mb": Ratio("What it grew by since before the last of them."),
            "paced_per_s": Ratio("Messages a second to a service that takes 30.", most=30),
        },
        plain=(
            "ours_100ms_per_s",
            "apprise_loop_100ms_per_s",
            "ours_0ms_per_s",
            "apprise_loop_0ms_per_s",
        ),
    ),
    Bench(
        "admin",
        "tests.bench.admin",
        "Pages of staff",
        "performance/admin.md",
        {
            "slowest_query_ms": Ratio(
                "The slowest query of any page or route of staff, the middle of three; bar of "
                "each: 200 ms.",
                most=200,
            ),
            "pages": Ratio("How many addresses were opened."),
        },
        plain=("over_200_ms", "full_scans"),
    ),
    Bench(
        "feeds",
        "tests.bench.feeds",
        "Feeds",
        "performance/feeds.md",
        {
            "ours_304_vs_noop": Ratio(
                "Answers 304 a second by an empty view of plain Flask under the same server.",
                FEEDS["ours_304_vs_noop"],
            ),
            "ours_200gz_vs_noop": Ratio(
                "Whole feeds, compressed, by that empty view.", FEEDS["ours_200gz_vs_noop"]
            ),
            "nginx_304_vs_static": Ratio(
                "Answers 304 from nginx's cache by those of its own file.",
                FEEDS["nginx_304_vs_static"],
            ),
            "vs_feedgen_per_request": Ratio(
                "Whole feeds a second by a view that builds each by feedgen and compresses it.",
                FEEDS["vs_feedgen_per_request"],
            ),
            "vs_feedgen_uncompressed": Ratio("The same where feedgen's bytes go plain."),
            "cold_vs_feedgen": Ratio("Feeds nobody asked for before, by that view of feedgen."),
            "join_vs_feedgen": Ratio(
                "Processor time of a feed by feedgen by that of a join of fragments.",
                FEEDS["join_vs_feedgen"],
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
    ),
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
