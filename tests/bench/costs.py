"""What one of each costs, measured: `python -m tests.bench.costs`.

Writes `service/capacity/costs.json`: rows and bytes on PostgreSQL with their indexes, processor
time of our processes and of the database, bytes of a ring in Redis. `tellal capacity` multiplies
these and knows no other numbers. A figure that another bench has measured is read from its
document, which is named beside it. Takes some minutes (QUICK=1: less, and the file is left alone).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from service import logs
from service.db import utcnow
from tests.bench.ledger.scene import one_scene
from tests.bench.mail.machine import facts
from tests.bench.scale import chatting, ledger, mailing, rows
from tests.bench.scale.documents import feeds, letters_of_digests, planning
from tests.bench.scale.figure import Figure

FILE = Path(__file__).parents[2] / "service" / "capacity" / "costs.json"
READERS, LETTERS = 8_000, 3_000


def measured(readers: int, letters: int) -> Iterator[Figure]:
    """One figure after the other."""
    with one_scene((letters, readers), is_postgresql=True) as scene:
        yield from ledger.measure(scene, readers)
        yield from mailing.measure(scene, letters)
        yield from rows.measure(scene)
        yield from rows.rings(scene.runtime)
    yield from chatting.measure()
    yield planning()
    yield letters_of_digests()
    yield from feeds()


def main() -> None:
    logs.configure("ERROR")
    is_quick = os.environ.get("QUICK") == "1"
    figures = []
    for one in measured(READERS // 5, LETTERS // 3) if is_quick else measured(READERS, LETTERS):
        print(f"{one.name:32} {one.value:14,.2f} {one.unit:6} {one.source}", file=sys.stderr)
        figures.append(one)
    document = {
        "measured": utcnow().date().isoformat(),
        "machine": facts(),
        "costs": {
            one.name: {"value": one.value, "unit": one.unit, "source": one.source}
            for one in figures
        },
    }
    said = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if not is_quick:
        FILE.write_text(said, encoding="utf-8")
    print(said)


if __name__ == "__main__":
    main()
