"""`docs/performance/email.md`: what was measured, and how."""

from __future__ import annotations

from pathlib import Path

from tests.bench.mail import machine
from tests.bench.mail.figures import Figures, Found, judged, table
from tests.bench.mail.memory import FEW, MOST
from tests.bench.mail.ours import LINKS
from tests.bench.mail.plot import draw
from tests.bench.mail.rows import OPENSSL, ROUNDS

FOLDER = Path(__file__).parents[3] / "docs" / "performance"


def write(shown: Figures, found: Found, way: list[str], peaks: list[str], length: int) -> None:
    """The document and its picture. `way` and `peaks` are sentences; `length` is of a letter."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "email.svg").write_text(draw(found), encoding="utf-8")
    (FOLDER / "email.md").write_text(
        f"""# How fast letters leave

Written by `make bench-mail`; do not edit.

{_lines(judged(shown))}

`unsigned_vs_smtp_source`, `signed_vs_openssl`, `vs_apprise` and `vs_postfix_source` are our rate by
theirs, nearby; `worker_vs_mailman` and `worker_vs_smtplib` that of a whole worker, by Mailman 3
from its incoming queue on, with a letter of its own for each member, and by a loop of `smtplib`.
`worker_vs_bare`: one whole worker on SQLite, which signs nothing, by the pipeline
alone. `rss_mb`: the largest sending process. `memory`: its peak for {MOST:,} recipients by that
for {FEW:,}. `render_vs_email_message`: processor time of a letter built by `EmailMessage` by that
of one joined from segments, tokens included. `beside_a_slow_lane`: the rate of the lane `other`
beside one whose server answers RCPT after two seconds, by its rate alone; four threads of a worker.

![Letters a second by sender and distance](email.svg)

{_lines(table(found))}

## Memory

{_listed(peaks)}

Of {MOST:,} a whole worker delivers every tenth batch, while its ledger holds all of them. The last
line is the soak of the pipeline alone, for as many seconds as `SOAK` names; its first quarter does
not count.

## How it is measured

Letters are the product's own: Turkish, multipart, {length:,} bytes. `smtp-sink` of Postfix takes
them, on the same cores as the sender. {LINKS} connections stay open, but Apprise opens one for each
letter. `smtp-source -d -s16` sends as many bytes of its own. `{OPENSSL} -multi 2 rsa2048` says how
many signatures all cores could make; two processes of ours sign. A whole worker is one process that
signs nothing, and delivers planned batches one after the other. Rows with Postfix go to a private
one, which queues each letter on disk before it answers; they need root.

Each run is a process of its own, whose peak memory (VmHWM, the largest of its processes) is looked
at while it sends. {ROUNDS} rounds, in each of them all rows in turn; the median counts.
For a distant server a proxy of our own passes each byte on half a round trip later:

{_listed(way)}

The machine:

{_listed(machine.facts())}
""",
        encoding="utf-8",
    )


def _lines(lines: list[str]) -> str:
    return "\n".join(lines)


def _listed(sentences: list[str]) -> str:
    return "\n".join(f"- {sentence}" for sentence in sentences)
