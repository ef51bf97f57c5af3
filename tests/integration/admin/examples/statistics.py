"""Statistics are only read; what the address of the CSV needs."""

from __future__ import annotations

from typing import Any

from tests.integration.admin.examples import Example

EXAMPLES: dict[str, Example] = {}
READS: dict[str, dict[str, Any]] = {
    "statistics.csv": {"chart": "deliveries", "days": 365},
    "statistics.index": {"days": 365},
    "statistics.readers": {"days": 365},
    "statistics.gaps": {"days": 365},
    "admin_statistics.show": {"chart": "deliveries", "days": 365},
}
