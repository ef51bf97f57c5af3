"""The W3C's rules, where TELLAL_FEEDVALIDATOR names a checkout of w3c/feedvalidator.

It runs in a process of its own, by TELLAL_FEEDVALIDATOR_PYTHON where that is named: it needs lxml,
html5lib and rdflib, which the product does not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import io, sys
sys.path.insert(0, sys.argv[1] + "/src")
import feedvalidator
from feedvalidator import logging
found = feedvalidator.validateStream(io.BytesIO(sys.stdin.buffer.read()), firstOccurrenceOnly=0,
                                     base=sys.argv[2])["loggedEvents"]
for event in found:
    if isinstance(event, (logging.Error, logging.Warning)):
        print(type(event).__name__, event.params)
"""
TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"  # it does not know RFC 6721


def w3c_findings(body: bytes, url: str) -> list[str]:
    """Errors and warnings; none where no checkout is named, or for JSON, which it does not read."""
    checkout = os.environ.get("TELLAL_FEEDVALIDATOR")
    if not checkout or body[:1] == b"{":
        return []
    python = os.environ.get("TELLAL_FEEDVALIDATOR_PYTHON", sys.executable)
    done = subprocess.run(
        [python, "-c", PROGRAM, str(Path(checkout)), url],
        input=body,
        capture_output=True,
        timeout=120,
        check=True,
    )
    lines = done.stdout.decode().splitlines()
    return [line for line in lines if not (line.startswith("UnknownN") and TOMBSTONES in line)]
