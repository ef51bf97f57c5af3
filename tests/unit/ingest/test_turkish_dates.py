"""Dates as Turkish sites write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ingest.dates import moment
from service.ingest.turkish_dates import turkish_date

ZONE = "Europe/Istanbul"
NAMES = (
    *("Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim"),
    *("Kasım", "Aralık"),
)
UPPER = str.maketrans("iı", "İI")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "6 Haziran 2025 Cuma",
            "06.06.2025",
            "6/6/2025",
            "06-06-2025",
            "6 Haz 2025",
            "6 Haz. 2025",
        ),
        *("6 HAZİRAN 2025 CUMA", "6 HAZIRAN 2025", "6 haziran 2025", "Cuma, 6 Haziran 2025"),
        *("Yayın tarihi: 6 Haziran 2025", "6 Hazi\u0307ran 2025", "  6\u00a0Haziran\n2025 "),
        *("06.06.2025 99:99", "6 Haziran 2025'te"),
    ],
)
def test_a_date_in_any_of_its_forms_is_midnight_in_the_zone_of_the_source(text):
    assert turkish_date(text, ZONE).isoformat() == "2025-06-06T00:00:00+03:00"


@pytest.mark.parametrize(
    "text",
    [
        *("6 Haz 2025 14:30", "6 Haziran 2025 Cuma 14:30", "06.06.2025 14.30", "6.6.2025 - 14:30"),
        *("6 Haziran 2025 Cuma, saat 14:30", "06.06.2025 | 14:30", "06.06.2025 14:30:59"),
    ],
)
def test_a_time_may_follow(text):
    assert turkish_date(text, ZONE).isoformat() == "2025-06-06T14:30:00+03:00"


@pytest.mark.parametrize(("name", "month"), [(name, i) for i, name in enumerate(NAMES, 1)])
def test_every_month_in_every_case_and_shortened(name, month):
    for form in (name, name.lower(), name.translate(UPPER).upper(), name.upper(), name[:3]):
        assert turkish_date(f"1 {form} 2026", ZONE).month == month, form


@pytest.mark.parametrize(
    "text", ["", "Haziran 2025", "31.06.2025", "10.0.0.1", "6 June 2025", "6.6.25"]
)
def test_what_is_no_date_is_none(text):
    assert turkish_date(text, ZONE) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Wed, 26 Nov 2025 13:15:00 +0000", "2025-11-26T13:15:00+00:00"),
        ("2025-11-26T13:15:00Z", "2025-11-26T13:15:00+00:00"),
        ("2025-11-26", "2025-11-26T00:00:00+03:00"),
        ("Çar, 26 Kas 2025 13:15:00 +0300", "2025-11-26T13:15:00+03:00"),
    ],
)
def test_a_moment_may_come_in_the_forms_of_feeds_too(text, found):
    assert moment(text, ZONE).isoformat() == found


@given(st.text(max_size=300) | st.from_regex(r"\d{1,9}[./ -]\d{1,9}[./ -]\d{1,9}( \d+:\d+)?"))
def test_no_text_breaks_it(text):
    found = moment(text, ZONE)
    assert found is None or (found.tzinfo is not None and 1900 <= found.year <= 2200)
