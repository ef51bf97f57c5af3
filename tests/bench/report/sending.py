"""The benches of what leaves: planning, letters, urgent news and chat."""

from __future__ import annotations

from tests.bench.chat.document import BARS
from tests.bench.mail.figures import AT_LEAST, AT_MOST
from tests.bench.report.figures import Bench, Ratio

# Of the guide to reliability, section 6.
PLAN_AT_LEAST, SENDER_AT_LEAST = 0.5, 0.8
_PLANS = (
    "a plan also finds for each reader the reason, the lane and the batch, of which the bare "
    "statement copies what is there."
)


def _mail(name: str, how: str, missed: str = "") -> dict[str, Ratio]:
    return {name: Ratio(how, AT_LEAST.get(name), AT_MOST.get(name), missed)}


LEDGER = Bench(
    "ledger",
    "tests.bench.ledger",
    "The ledger",
    "performance/ledger.md",
    {
        "plan_vs_insert_sqlite": Ratio(
            "Deliveries planned a second by the rows that a bare `INSERT … SELECT` into the "
            "same table makes, on SQLite.",
            PLAN_AT_LEAST,
            missed=_PLANS,
        ),
        "plan_vs_insert_postgresql": Ratio("The same on PostgreSQL.", PLAN_AT_LEAST, missed=_PLANS),
        "memory_1m_vs_10k": Ratio(
            "Peak memory of a process that plans for the most readers by that for the fewest.",
        ),
        "cost_1m_vs_10k": Ratio(
            "All that one delivery costs, with the most readers by that with the fewest; the "
            "worse database."
        ),
        "sender_vs_no_ledger": Ratio(
            "Letters a second with claim, journal and settling by the same sender without "
            "any; the worse database.",
            SENDER_AT_LEAST,
            missed="it was (0.87) before the sender alone became several times faster; now the "
            "ledger, whose cost a letter stands under *Growth*, is the larger part. To sign a "
            "letter takes longer than both.",
        ),
    },
    plain=("cost_us",),
)

DIGEST = Bench(
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
)

MAIL = Bench(
    "mail",
    "tests.bench.mail",
    "Mail",
    "performance/email.md",
    {
        **_mail(
            "unsigned_vs_smtp_source",
            "Letters a second of the pipeline alone by Postfix's `smtp-source`, to the same "
            "`smtp-sink`.",
            "`smtp-source` is a C program that sends the same bytes each time; ours writes a "
            "letter for each reader, in Python, and both share two cores with the server.",
        ),
        **_mail(
            "signed_vs_openssl",
            "Signed letters a second by what `openssl speed` signs on all cores.",
        ),
        **_mail(
            "worker_vs_bare",
            "Letters a second of one whole worker on SQLite, ledger and journal included, by "
            "the pipeline alone.",
            "who may still be told is read in slices, and each letter is written into the journal "
            "and settled, by threads that share one interpreter with the sender. Signed letters "
            "take several times as long as all of that.",
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
        **_mail(
            "rss_mb",
            "Megabytes of the largest sending process of ours.",
            "the libraries that a worker loads are most of it; it does not grow with the number "
            "of readers (`memory_worker`).",
        ),
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
            "Rate of a lane beside one whose server answers after two seconds by its rate alone.",
        ),
    },
    plain=("per_s",),
)

URGENT = Bench(
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
)

CHAT = Bench(
    "chat",
    "tests.bench.chat",
    "Chat",
    "performance/chat.md",
    {
        "ours_vs_apprise_loop": Ratio(
            "Messages a second, from plan to settled delivery, by a loop of "
            "`Apprise.notify()`; each answer takes 100 ms.",
            BARS["ours_vs_apprise_loop"],
        ),
        "ours_vs_apprise_loop_0ms": Ratio(
            "The same where answers come at once.", BARS["ours_vs_apprise_loop_0ms"]
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
)
