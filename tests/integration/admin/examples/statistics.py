"""Statistics are only read; what the address of the CSV needs."""

from __future__ import annotations

from typing import Any

from service.admin.statistic import STATISTICS
from tests.integration.admin.examples import Example

EXAMPLES: dict[str, Example] = {}
READS: dict[str, tuple[dict[str, Any], ...]] = {
    "statistics.csv": tuple({"chart": chart, "days": 365} for chart in STATISTICS),
    "statistics.index": ({"days": 365},),
    "statistics.readers": ({"days": 365},),
    "statistics.gaps": ({"days": 365},),
    "admin_statistics.show": tuple({"chart": chart, "days": 365} for chart in STATISTICS),
}
