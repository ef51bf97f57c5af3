"""`make bench`: every bench in one run, one after the other, and one page of what they found.

ONLY=chat,feeds chooses, and leaves what is known of the others; QUICK=1: less of each, and marked
as such. `docs/performance/bench.json` has the figures, `docs/performance/README.md` is made from
it; `python -m tests.bench page` makes the page anew. Exit code 1: one of them failed.
"""

from __future__ import annotations

import os
import signal
import sys

from tests.bench.report import machine, page
from tests.bench.report.catalogue import BENCHES
from tests.bench.report.running import run_all, say


def main() -> int:
    if sys.argv[1:] == ["page"]:
        page.write(page.read())
        return 0
    if sys.argv[1:]:  # a bench takes an hour; a word that is not understood begins none
        say(__doc__ or "")
        return int(sys.argv[1:] != ["--help"]) * 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and the bench that runs ends, too
    known = page.read() if page.FILE.exists() else {"benches": {}}
    wanted = [name for name in os.environ.get("ONLY", "").split(",") if name]
    names = [bench.name for bench in BENCHES]
    if unknown := sorted(set(wanted) - set(names)):
        say(f"ONLY: no bench {', '.join(unknown)}; there are {', '.join(names)}")
        return 2
    is_quick = os.environ.get("QUICK") == "1"
    chosen = [bench for bench in BENCHES if not wanted or bench.name in wanted]
    known["machine"] = machine.facts()

    def keep(name: str, record: dict[str, object]) -> None:
        known["benches"][name] = record
        page.write(known)

    failed = run_all(chosen, keep, is_quick=is_quick)
    say(f"wrote {page.PAGE.relative_to(page.ROOT)} and {page.FILE.relative_to(page.ROOT)}")
    if failed:
        say(f"failed: {', '.join(failed)}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
