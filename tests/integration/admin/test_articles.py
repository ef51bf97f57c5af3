"""Articles as staff see them: paged by key, with evidence, counts and notifications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from service.admin.article_list import PAGE_SIZE
from service.db import utcnow
from service.ledger.publish import withhold
from service.models import (
    Article,
    ArticleState,
    Delivery,
    DeliveryState,
    LabelOrigin,
    LabelState,
    Notification,
    NotificationKind,
    NotificationState,
    PlaceLabel,
    Revision,
    RevisionState,
    Source,
    TopicLabel,
)
from service.runtime import Runtime

Browser = Any
TITLE = "Körfez <temizliği> başladı"


def evidence(field: str, text: str, term: str, of: str) -> dict[str, Any]:
    start = of.index(text)
    return {
        "term": term,
        "field": field,
        "start": start,
        "end": start + len(text),
        "text": text,
        "weight": 1.0,
    }


@pytest.fixture
def articles(runtime: Runtime) -> list[int]:
    """One page of articles and one more; the newest has labels and deliveries."""
    body = "Konak’ta körfez temizliği için iki gemi çalışıyor."
    with runtime.db.write() as session:
        source = Source(slug="izmir", sealed_secret="x")
        session.add(source)
        session.flush()
        ids = []
        for number in range(PAGE_SIZE + 1):
            article = Article(
                source_id=source.id, external_id=str(number), state=ArticleState.PUBLISHED
            )
            session.add(article)
            session.flush()
            revision = Revision(
                article_id=article.id,
                content_hash="h",
                state=RevisionState.CLASSIFIED,
                url="https://city.example/1",
                title=TITLE if number == PAGE_SIZE else f"Haber {number}",
                summary="Özet",
                body_html="",
                body_text=body,
            )
            session.add(revision)
            session.flush()
            article.revision_id = article.shown_revision_id = revision.id
            ids.append(article.id)
        label = {"revision_id": revision.id, "origin": LabelOrigin.CLASSIFIER}
        session.add(
            TopicLabel(
                **label,
                topic_id=1,
                state=LabelState.PUBLISHED,
                score=0.931,
                evidence=[
                    evidence("title", "Körfez <temizliği>", "+körfez temiz*", TITLE),
                    evidence("body", "körfez temizliği", "+körfez temiz*", body),
                ],
            )
        )
        place = evidence("body", "Konak’ta", "Konak", body)
        session.add(PlaceLabel(**label, place_id=1, evidence=[place]))
        notification = Notification(
            kind=NotificationKind.NEW,
            state=NotificationState.DONE,
            article_id=ids[-1],
            release_at=utcnow(),
        )
        session.add(notification)
        session.flush()
        for destination_id, state in enumerate((DeliveryState.SENT, DeliveryState.UNKNOWN)):
            session.add(
                Delivery(
                    notification_id=notification.id,
                    destination_id=destination_id + 1,
                    state=state,
                )
            )
    return ids


def test_the_list_is_paged_by_key(signed_in: Callable[[str], Browser], articles: list[int]) -> None:
    viewer = signed_in("viewer")
    first = viewer.get("/staff/articles").text
    assert "Körfez &lt;temizliği&gt; başladı" in first
    assert "Haber 0" not in first
    assert f"/staff/articles?before={articles[1]}" in first
    second = viewer.get(f"/staff/articles?before={articles[1]}").text
    assert "Haber 0" in second
    assert "Haber 1<" not in second


def test_one_article_shows_evidence_counts_and_notifications(
    signed_in: Callable[[str], Browser], articles: list[int]
) -> None:
    page = signed_in("viewer").get(f"/staff/articles/{articles[-1]}").text
    assert "Körfez &lt;temizliği&gt;</mark> başladı" in page
    assert "körfez temizliği</mark> için" in page
    assert "Konak’ta</mark>" in page
    assert "+körfez temiz* × 2" in page
    assert "0,93" in page
    assert "Tamamlandı" in page
    assert "<script" not in page


def test_an_article_that_staff_keep_withdrawn_says_so(
    signed_in: Callable[[str], Browser], articles: list[int], runtime: Runtime
) -> None:
    viewer, page = signed_in("viewer"), f"/en/staff/articles/{articles[0]}"
    assert "Withdrawn by staff" not in viewer.get(page).text
    with runtime.db.write() as session:
        withhold(session, session.get_one(Article, articles[0]), utcnow())
    assert "Withdrawn by staff until they publish it again" in viewer.get(page).text


def test_an_unknown_article_is_a_404(signed_in: Callable[[str], Browser]) -> None:
    assert signed_in("viewer").get("/staff/articles/123").status_code == 404


def test_english_pages_speak_english(
    signed_in: Callable[[str], Browser], articles: list[int]
) -> None:
    viewer = signed_in("viewer")
    assert (
        "Topics and the words that set them"
        in viewer.get(f"/en/staff/articles/{articles[-1]}").text
    )
    assert '<html lang="en">' in viewer.get("/en/staff/").text
