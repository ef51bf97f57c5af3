"""What comes back of mail: read without trust, judged by codes alone. No database, no network."""

from service.bounces.report import (
    Arrived,
    Complained,
    Leaving,
    Report,
    Returned,
    read_report,
    strip_addresses,
)
from service.bounces.verdict import (
    STATUS,
    VAGUE,
    is_answer,
    is_unauthenticated,
    is_vague,
    judge,
    verdict_of,
)

__all__ = [
    "STATUS",
    "VAGUE",
    "Arrived",
    "Complained",
    "Leaving",
    "Report",
    "Returned",
    "is_answer",
    "is_unauthenticated",
    "is_vague",
    "judge",
    "read_report",
    "strip_addresses",
    "verdict_of",
]
