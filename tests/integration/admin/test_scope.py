"""Who decides about some topics only stops, begins again and changes nothing that is of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from service.admin import scope
from service.ledger.halts import live_pauses
from service.models import Halt, Staff, Topic, TopicDraft
from service.runtime import Runtime
from tests.integration.admin.examples import all_examples
from tests.integration.admin.walking import prepared

REASON = "Deneme"


@pytest.fixture
def limited(runtime: Runtime, accounts: dict[str, str], town: Any) -> Callable[[], None]:
    """Limits the editor and the administrator to the first topic."""

    def limit() -> None:
        with runtime.db.write() as session:
            topic = session.scalars(select(Topic.id).order_by(Topic.id).limit(1)).one()
            for staff in session.scalars(select(Staff)).all():
                scope.limit(session, staff, [topic])

    return limit


@pytest.mark.parametrize(
    ("scope_", "of"), [("all", ""), ("topic", "ulasim"), ("lane", "other"), ("article", "")]
)
@pytest.mark.parametrize("act", ["pause", "cancel"])
def test_a_pause_or_cancel_reaches_no_further_than_its_topics(
    runtime: Runtime,
    town: Any,
    limited: Callable[[], None],
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    act: str,
    scope_: str,
    of: str,
) -> None:
    if scope_ == "article":
        of = str(town.article(("ulasim",)))
    limited()
    form = {"scope": scope_, "of": of, "reason": REASON}
    word = {"pause": "her şey", "cancel": "iptal"}[act]

    page = signed_in("editor").post(f"/staff/deliveries/{act}", **form, confirm=word)
    answer = program("editor").send(f"/v1/admin/deliveries/{act}", form)

    assert page.status_code == (400 if (act, scope_) == ("cancel", "lane") else 403)
    assert answer.status_code == (422 if (act, scope_) == ("cancel", "lane") else 403)
    with runtime.db.read() as session:
        assert session.scalars(select(Halt)).all() == []


def test_of_its_own_topic_it_stops_and_goes_on(
    runtime: Runtime, limited: Callable[[], None], program: Callable[..., Any], town: Any
) -> None:
    limited()
    with runtime.db.read() as session:
        slug = session.scalars(select(Topic.slug).order_by(Topic.id).limit(1)).one()
    key = program("editor")

    made = key.send("/v1/admin/deliveries/pause", {"scope": "topic", "of": slug, "reason": REASON})
    ended = key.send(f"/v1/admin/deliveries/pauses/{made.json['id']}/resume")

    assert (made.status_code, ended.status_code) == (200, 200)


def test_it_ends_no_pause_of_everything(
    runtime: Runtime,
    limited: Callable[[], None],
    program: Callable[..., Any],
    signed_in: Callable[[str], Any],
) -> None:
    key = program("editor")
    made = key.send("/v1/admin/deliveries/pause", {"scope": "all", "reason": REASON})
    limited()

    path = f"deliveries/pauses/{made.json['id']}/resume"

    assert key.send(f"/v1/admin/{path}").status_code == 403
    assert signed_in("editor").post(f"/staff/{path}").status_code == 403
    with runtime.db.read() as session:
        assert len(live_pauses(session)) == 1


OF_ALL = [
    *("dead_letters.retry", "dead_letters.retry_all", "dead_letters.discard"),
    *("admin_dead_letters.retry", "admin_dead_letters.retry_all", "admin_dead_letters.discard"),
    *("staff_places.add", "staff_places.edit", "admin_places.add", "admin_places.edit"),
    *("models.train", "models.promote", "models.roll_back"),
    *("admin_models.train", "admin_models.promote", "admin_models.roll_back"),
]


@pytest.mark.parametrize("endpoint", OF_ALL)
def test_what_is_of_all_topics_is_refused(
    app: Any,
    runtime: Runtime,
    limited: Callable[[], None],
    signed_in: Callable[[str], Any],
    program: Callable[..., Any],
    endpoint: str,
) -> None:
    from flask import url_for

    example = all_examples()[endpoint]
    values = example.prepare(runtime)
    limited()
    with app.test_request_context():
        path = url_for(endpoint, **values)
    if path.startswith("/v1/"):
        method = "PUT" if endpoint.endswith("edit") else "POST"
        answer = program().send(path, dict(example.body), method, **example.headers)
        assert answer.status_code == 403, answer.text
    else:
        answer = signed_in("administrator").post(path, **example.body)
        assert answer.status_code in (403, 409), answer.text


def test_a_draft_about_other_topics_is_not_discarded(
    runtime: Runtime, limited: Callable[[], None], program: Callable[..., Any], town: Any
) -> None:
    key = program("editor")
    values = prepared(runtime)
    with runtime.db.write() as session:
        draft = session.get_one(TopicDraft, values["draft_id"])
        draft.changes, draft.published_as, draft.discarded_at = {"ulasim": "~"}, None, None
    limited()

    answer = key.send(f"/v1/admin/topics/drafts/{draft.id}/discard")

    assert answer.status_code == 403
