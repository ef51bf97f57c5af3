"""Topics: drafted, previewed, published exactly so, taken back; two at once; what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select

from service.cli import cli
from service.jobs import running
from service.models import (
    Article,
    Delivery,
    Job,
    LabelState,
    Staff,
    StaffTopic,
    TaxonomyVersion,
    Topic,
    TopicDraft,
    TopicLabel,
)
from service.runtime import Runtime
from tests.integration.town import EDITOR

Browser = Any
CLIMATE, SPORT = "iklim-cevre", "spor"
DOGS = "Barınaktaki köpekler yuva bekliyor"


def form_of(town: Any, slug: str, **changed: Any) -> dict[str, Any]:
    (topic,) = [row for row in town.all(Topic) if row.slug == slug]
    return {
        "name_tr": topic.name_tr,
        "name_en": topic.name_en,
        "description_tr": topic.description_tr,
        "description_en": topic.description_en,
        "terms": list(topic.terms),
        "sections": list(topic.sections),
        "publish": topic.publish,
        "review": topic.review,
        **changed,
    }


@pytest.fixture
def with_dogs(town: Any) -> dict[str, Any]:
    """Sport, which from now on is about dogs as well and no longer about football."""
    form = form_of(town, SPORT)
    football = ("futbol", "maç", "turnuva")
    terms = [term for term in form["terms"] if not any(word in term for word in football)]
    return {**form, "terms": [*terms, "+köpek", "+barınak"]}


def previewed(runtime: Runtime, town: Any) -> dict[str, Any]:
    for job in town.all(Job):
        running.run(runtime, job.id)
    return dict(town.all(Job)[-1].result)


def published(town: Any, slug: str) -> set[int]:
    """Articles that have a topic now."""
    topic_id = town.topic(slug)
    revisions = {
        label.revision_id
        for label in town.all(TopicLabel)
        if label.topic_id == topic_id and label.state == LabelState.PUBLISHED
    }
    return {row.id for row in town.all(Article) if row.shown_revision_id in revisions}


@pytest.fixture
def stories() -> Iterator[dict[str, dict[str, Any]]]:
    """What a CMS posts: of dogs, of football, of neither."""
    base = {"summary": "", "body_html": None}
    return iter(
        [
            {"title": DOGS, **base},
            {"title": "Futbol turnuvası başladı: futbol maçı yarın", **base},
            {"title": "Körfez için iklim eylem planı", **base},
        ]
    )  # type: ignore[return-value]


def test_what_is_published_does_to_articles_what_its_preview_said(
    cms: Any,
    town: Any,
    work: Any,
    clock: Any,
    runtime: Runtime,
    program: Callable[..., Any],
    with_dogs: dict[str, Any],
    stories: Iterator[dict[str, Any]],
) -> None:
    stories = list(stories)  # type: ignore[assignment]
    for address in ("bir@example.org", "iki@example.org"):
        town.reader(SPORT, address=address)

    def post(start: int) -> None:
        for number, story in enumerate(stories, start):
            cms.post(id=str(number), url=f"https://www.example.bel.tr/haber/{number}", **story)
        work()
        clock.advance(hours=3)
        work()

    post(1)
    told = sent(runtime)
    key = program("editor")
    etag = key.get(f"/v1/admin/topics/{SPORT}").headers["ETag"]
    made = key.send(f"/v1/admin/topics/{SPORT}", with_dogs, "PUT", If_Match=etag)
    assert made.status_code == 200, made.text
    preview = previewed(runtime, town)
    gained = {int(c["key"]) for c in preview["changes"] if c["is_gain"] and c["slug"] == SPORT}
    lost = {int(c["key"]) for c in preview["changes"] if not c["is_gain"] and c["slug"] == SPORT}
    assert (gained, lost) == ({1}, {2})
    assert any("köpek" in word for c in preview["changes"] for word in c["words"])
    assert (preview["gained"][SPORT], preview["lost"][SPORT]) == (1, 1)
    assert preview["readers"] == {SPORT: 2}

    answer = key.send(f"/v1/admin/topics/drafts/{made.json['id']}/publish", {"reason": "Köpekler"})
    assert answer.status_code == 200, answer.text
    assert published(town, SPORT) == {2}  # what was published keeps its topics
    post(11)

    ids = {row.external_id: row.id for row in town.all(Article)}
    again = published(town, SPORT) - {2}
    assert again == {ids[str(number + 10)] for number in gained}
    assert sent(runtime) - told == len(gained) * preview["readers"][SPORT]


def sent(runtime: Runtime) -> int:
    with runtime.db.read() as session:
        return session.scalar(select(func.count()).select_from(Delivery)) or 0


def test_an_editor_drafts_looks_publishes_and_goes_back(
    town: Any, runtime: Runtime, signed_in: Callable[[str], Browser]
) -> None:
    town.article((), title=DOGS, body_text="Köpek.", summary="")
    browser = signed_in("editor")
    topic_id = town.topic(SPORT)
    form = typed(form_of(town, SPORT))
    form["terms"] += "\n+köpek"
    answer = browser.post(f"/en/staff/topics/{topic_id}", **form)
    assert answer.status_code == 303, answer.text
    waiting = browser.get(answer.location)
    assert "<progress" in waiting.text
    early = browser.post(f"{answer.location}/publish", reason="Köpekler")
    assert early.status_code == 409
    assert "+köpek" not in town.get(Topic, topic_id).terms

    previewed(runtime, town)
    page = browser.get(answer.location).text
    assert DOGS in page
    assert "gains it" in page
    assert browser.post(f"{answer.location}/publish", reason="").status_code == 422
    done = browser.post(f"{answer.location}/publish", reason="Köpekler")
    assert done.status_code == 303
    assert "+köpek" in town.get(Topic, topic_id).terms
    version = browser.get(done.location).text
    assert "Köpekler" in version
    assert "+ +köpek" in version
    assert browser.post(f"{answer.location}/publish", reason="x").status_code == 409

    back = browser.post("/en/staff/topics/versions/1/roll-back", reason="Yanlıştı")
    assert back.status_code == 303
    assert "+köpek" not in town.get(Topic, topic_id).terms
    listed = browser.get("/en/staff/topics/versions").text
    assert listed.index("Version 3") < listed.index("Version 2") < listed.index("Version 1")


def typed(form: dict[str, Any]) -> dict[str, str]:
    """As the form sends it."""
    return {
        name: "\n".join(value) if isinstance(value, list) else "" if value is None else str(value)
        for name, value in form.items()
    }


def test_mistakes_are_named_with_their_fields_and_what_was_typed_stays(
    town: Any, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("editor")
    form = {"slug": "Kötü Ad", "name_tr": "", "name_en": "Dogs", "terms": "kedi\nkedi"}
    page = browser.post("/en/staff/topics", **form, publish="2", review="x")
    assert page.status_code == 422
    for field in ("slug", "name_tr", "terms", "publish", "review"):
        assert f'href="#{field}"' in page.text, field
    assert "Line 2" in page.text
    assert 'value="Kötü Ad"' in page.text
    assert town.all(TopicDraft) == []


@pytest.mark.parametrize("slug", ["all", "my", "search", "topics", SPORT])
def test_a_short_name_that_an_address_has_already_is_taken(
    town: Any, signed_in: Callable[[str], Browser], slug: str
) -> None:
    form = {"slug": slug, "name_tr": "Hayvanlar", "name_en": "Animals", "terms": "köpek"}
    page = signed_in("editor").post("/en/staff/topics", **form)
    assert page.status_code == 422
    assert "This short name is taken" in page.text
    assert town.all(TopicDraft) == []


def test_a_new_topic_comes_last_and_one_in_use_is_not_retired(
    town: Any, runtime: Runtime, signed_in: Callable[[str], Browser]
) -> None:
    town.reader(SPORT)
    browser = signed_in("editor")
    refused = browser.post(f"/en/staff/topics/{town.topic(SPORT)}/retire")
    assert refused.status_code == 409
    assert "1 subscriptions refer to it" in refused.text
    form = {"slug": "hayvanlar", "name_tr": "Hayvanlar", "name_en": "Animals", "terms": "köpek"}
    draft = browser.post("/staff/topics", **form).location
    previewed(runtime, town)
    assert browser.post(f"{draft}/publish", reason="Yeni").status_code == 303
    last = max(town.all(Topic), key=lambda row: row.position)
    assert last.slug == "hayvanlar"
    end = browser.post(f"/staff/topics/{last.id}/retire").location
    previewed(runtime, town)
    assert browser.post(f"{end}/publish", reason="Gerek yok").status_code == 303
    assert "hayvanlar" not in {row.slug for row in town.all(Topic)}


def test_of_two_drafts_the_second_is_outdated(
    town: Any, runtime: Runtime, signed_in: Callable[[str], Browser]
) -> None:
    editor, admin = signed_in("editor"), signed_in("administrator")
    path = f"/staff/topics/{town.topic(SPORT)}"
    drafts = [
        browser.post(path, **typed(form_of(town, SPORT, name_en=name))).location
        for browser, name in ((editor, "Games"), (admin, "Matches"))
    ]
    previewed(runtime, town)
    assert editor.post(f"{drafts[0]}/publish", reason="Bir").status_code == 303
    late = admin.post(f"{drafts[1]}/publish", reason="İki")
    assert late.status_code == 409
    assert town.get(Topic, town.topic(SPORT)).name_en == "Games"
    assert admin.post(f"{drafts[1]}/discard").status_code == 303
    stale = editor.post(path, **typed(form_of(town, SPORT, name_en="X")), base="0")
    assert stale.status_code == 409


def test_who_is_limited_changes_their_topics_alone(
    town: Any, runtime: Runtime, program: Callable[..., Any]
) -> None:
    key = program("editor")
    with runtime.db.write() as session:
        who = session.scalars(select(Staff).where(Staff.email.startswith("editor"))).one()
        session.add(StaffTopic(staff_id=who.id, topic_id=town.topic(SPORT)))
    for slug, status in ((CLIMATE, 403), (SPORT, 200)):
        body = form_of(town, slug, name_en="X")
        answer = key.send(f"/v1/admin/topics/{slug}", body, "PUT", If_Match="*")
        assert answer.status_code == status, answer.text
    new = {"slug": "yeni", **form_of(town, SPORT)}
    assert key.send("/v1/admin/topics", new).status_code == 403


def test_programs_need_the_version_that_they_saw(town: Any, program: Callable[..., Any]) -> None:
    key = program("editor")
    body = form_of(town, SPORT, name_en="X")
    path = f"/v1/admin/topics/{SPORT}"
    assert key.send(path, body, "PUT").status_code == 428
    assert key.send(path, body, "PUT", If_Match='"old"').status_code == 412
    assert key.send(path, form_of(town, SPORT), "PUT", If_Match="*").status_code == 409
    wrong = key.send(path, {**body, "terms": ["kedi", "kedi"]}, "PUT", If_Match="*")
    assert wrong.status_code == 422
    assert [error["field"] for error in wrong.json["errors"]] == ["terms"]
    assert key.get("/v1/admin/topics/yok").status_code == 404
    assert key.get("/v1/admin/topics/drafts/9").status_code == 404
    assert key.get("/v1/admin/topics/versions/9").status_code == 404
    assert len(key.get("/v1/admin/topics").json["items"]) == len(town.all(Topic))


@pytest.mark.usefixtures("command_line", "editor")
def test_the_command_line_drafts_publishes_and_goes_back(
    town: Any, runtime: Runtime, tmp_path: Any
) -> None:
    def tellal(*words: str) -> str:
        result = CliRunner().invoke(cli, ("topic", *words))
        assert result.exit_code == 0, result.output
        return result.stdout

    path = tmp_path / "topics.yaml"
    path.write_text(tellal("export").replace("name_en: Sports", "name_en: Games"), encoding="utf-8")
    assert "Draft 1: spor" in tellal("draft", str(path), "--staff", EDITOR)
    assert CliRunner().invoke(cli, ("topic", "preview", "1")).exit_code == 2
    previewed(runtime, town)
    assert "articles read" in tellal("preview", "1")
    assert "Version 2" in tellal("publish", "1", "--reason", "Ad", "--staff", EDITOR)
    assert "Version 3" in tellal("rollback", "1", "--reason", "Geri", "--staff", EDITOR)
    assert tellal("versions").splitlines()[0].startswith("3\t")
    assert [row.number for row in town.all(TaxonomyVersion)] == [1, 2, 3]
    tellal("draft", str(path), "--staff", EDITOR)
    assert "discarded" in tellal("discard", "2", "--staff", EDITOR)
