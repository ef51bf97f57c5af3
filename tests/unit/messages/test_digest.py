"""Digests: joined from pieces, and by the rules of the email guide whatever is in them."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace

import pytest

from service.ledger.digest_letter import Item, Letter, Wish
from service.messages.digest import DigestEdition
from service.messages.letter import LetterError
from service.models import Frequency
from tests.unit.messages.signing import DOMAIN, SELECTOR, passes_dkimpy, pem
from tests.unit.messages.stories import AT, CLIMATE, HOUSE, PLACES, TRAFFIC, reader, story
from tests.unit.messages.test_edition import HOSTILE
from tests.unit.messages.test_letter import check
from workers.email.dkim import Signer

NOW = 1_780_000_000
WISHES = (Wish(1, CLIMATE.id, 3, is_local_only=False), Wish(2, None, None, is_local_only=False))


def told(*topics: int | None, more: int = 0, wishes=WISHES) -> Letter:
    items = tuple(Item(n, n, topic, 1) for n, topic in enumerate(topics, 1))
    return Letter(items, more, wishes)


def edition(frequency=Frequency.DAILY, **fields) -> DigestEdition:
    def stories(revision_ids):
        return [
            story(
                **{"revision_id": n, "title": f"Haber {n}", "url": f"https://city.example/{n}"}
                | fields
            )
            for n in revision_ids
        ]

    topics = {TRAFFIC.id: TRAFFIC, CLIMATE.id: CLIMATE}
    return DigestEdition(HOUSE, 9, frequency, AT, topics, PLACES, stories)


def parts(raw: bytes) -> tuple[str, str]:
    text, html = email.message_from_bytes(raw, policy=email.policy.default).iter_parts()
    return text.get_content().replace("\r\n", "\n"), html.get_content()


def test_items_stand_under_their_topics_in_the_order_of_the_staff():
    letter = edition().letter(reader(), told(CLIMATE.id, TRAFFIC.id, CLIMATE.id, None))

    text, html = parts(letter.as_bytes())

    marks = ("== Ulaşım ==", "Haber 2", "== İklim ve Çevre ==", "Haber 1", "Haber 3")
    places = [text.index(mark) for mark in (*marks, "== Diğer haberler ==", "Haber 4")]
    assert places == sorted(places)
    assert html.count("<h1") == 1
    assert html.count("<h2") == 3
    assert html.count("<h3") == 4
    assert letter.subject == "Bugünün haberleri: Haber 1 ve 3 haber daha"
    check(letter.as_bytes())


@pytest.mark.parametrize(
    ("frequency", "language", "subject"),
    [
        (Frequency.DAILY, "en", "Today’s news: Haber 1 and 5 more"),
        (Frequency.WEEKLY, "tr", "Haftanın haberleri: Haber 1 ve 5 haber daha"),
        (Frequency.WEEKLY, "en", "This week’s news: Haber 1 and 5 more"),
        (Frequency.INSTANT, "en", "In your quiet hours: Haber 1 and 5 more"),
    ],
)
def test_subjects_count_what_the_link_leads_to(frequency, language, subject):
    letter = edition(frequency).letter(
        reader(language=language), told(CLIMATE.id, CLIMATE.id, more=4)
    )

    head = email.message_from_bytes(letter.as_bytes(), policy=email.policy.default)
    assert head["Subject"] == subject
    assert all("/haberler" in part for part in parts(letter.as_bytes()))


def test_the_reason_names_all_that_was_asked_for():
    text, html = parts(edition().letter(reader(), told(CLIMATE.id)).as_bytes())

    for part in (text, html):
        assert "İklim ve Çevre – Beydağ" in part
        assert "Bütün konular – Bütün şehir" in part
        assert "günde bir özet" in part


def test_the_way_out_is_in_both_parts_and_in_the_headers():
    raw = edition().letter(reader(), told(CLIMATE.id)).as_bytes()

    headers = email.message_from_bytes(raw, policy=email.policy.default)
    way = headers["List-Unsubscribe"].strip("<>")
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert all(part.count(way) == 1 for part in parts(raw))


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_in_a_title_breaks_a_letter_or_its_signature(name):
    text = HOSTILE[name]
    made = edition(title=text, summary=text, url="https://city.example/x")
    signer = Signer(pem(), DOMAIN, SELECTOR)

    letter = made.letter(reader(), told(CLIMATE.id, None, more=1))

    check(letter.as_bytes())
    assert passes_dkimpy(signer.sign_letter(letter, NOW))


def test_the_longest_letter_is_not_cut_off_by_mailboxes():
    made = edition(
        title="ğ" * 5_000, summary="İĞÜŞÖÇ " * 5_000, url="https://city.example/" + "x" * 200
    )

    raw = made.letter(reader(), told(*[CLIMATE.id] * 20, more=9)).as_bytes()

    assert len(raw) < 102_000


def test_an_empty_digest_is_no_letter():
    with pytest.raises(LetterError):
        edition().letter(reader(), told())


def test_an_address_that_could_break_out_is_refused():
    with pytest.raises(LetterError):
        edition().letter(replace(reader(), address="a@example.com\r\nBcc: b"), told(None))
