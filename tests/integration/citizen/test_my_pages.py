"""What leads from one page of a person's to the others, and says where one is."""

from __future__ import annotations

import re
from typing import Any

import pytest

PAGES = ["/my", "/my/history", "/my/data", "/my/targets"]


@pytest.mark.parametrize("path", PAGES)
def test_each_page_of_a_person_leads_to_the_others(resident: Any, path: str) -> None:
    page = resident.open(path).text
    links = re.findall(r'<a href="([^"]+)"( aria-current="page")?>', page.split('"my-nav"')[1])
    assert links[: len(PAGES)] == [
        (one, ' aria-current="page"' if one == path else "") for one in PAGES
    ]


def test_a_page_below_says_which_part_it_belongs_to(resident: Any) -> None:
    page = resident.open("/my/pause").text
    assert '<a href="/my" aria-current="true">Aboneliklerim</a>' in page
    assert '<a class="back-link" href="/my">Aboneliklerim</a>' in page


def test_where_the_city_writes_to_no_chat_the_page_offers_none(resident: Any) -> None:
    page = resident.open("/my/targets").text
    assert "kişisel sohbetlere haber göndermiyor" in page
    assert "Sohbet ekle" not in page
