"""Districts by page and API, as the classifier takes them; models, with the report of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from service.classify import ArticleText
from service.learning.current import current_classifier
from service.learning.runs import is_asked_for
from service.models import Learning, Place, TaxonomyVersion
from service.runtime import Runtime
from service.taxonomy.places import file_rules, place_rules
from tests.integration.admin.examples.models import decided, trained

Browser = Any


def found(runtime: Runtime, text: str) -> list[str]:
    with runtime.db.read() as session:
        classifier = current_classifier(session, runtime.settings)
    return [place.slug for place in classifier.classify(ArticleText(text, "", "")).places]


def test_untouched_districts_are_those_of_the_file(runtime: Runtime) -> None:
    folder = runtime.settings.config_dir
    with runtime.db.read() as session:
        assert place_rules(session, folder) is file_rules(folder)


def test_a_new_name_of_a_district_is_found_from_the_next_article_on_until_it_is_taken_back(
    runtime: Runtime, town: Any, signed_in: Callable[[str], Browser]
) -> None:
    text = "Küçükkonakçık Parkı açılıyor"
    assert found(runtime, text) == []
    browser = signed_in("editor")
    path = f"/en/staff/districts/{town.place('konak')}"
    form = {"name": "Konak", "is_on": "1", "aliases": "Küçükkonakçık Parkı", "position": "1"}
    assert browser.post(path, **form).status_code == 422  # no reason
    done = browser.post(path, **form, reason="Yeni park", base="0")
    assert done.status_code == 303, done.text
    assert found(runtime, text) == ["konak"]
    assert "Yeni park" in browser.get(done.location).text
    assert min(town.all(Place), key=lambda row: row.position).slug == "konak"
    stale = browser.post(path, **form, reason="Yine", base="0")
    assert stale.status_code == 409
    back = browser.post("/en/staff/districts/versions/1/roll-back", reason="Geri")
    assert back.status_code == 303
    assert found(runtime, text) == []
    assert [row.number for row in town.all(TaxonomyVersion)] == [1, 2, 3]


def test_a_district_that_is_off_is_found_nowhere_and_offered_to_nobody(
    runtime: Runtime, client: Any, program: Callable[..., Any]
) -> None:
    text = "Bornova ilçesinde yol çalışması"
    assert found(runtime, text) == ["bornova"]
    key = program("editor")
    read = key.get("/v1/admin/places/bornova")
    body = {**read.json, "is_on": False, "reason": "Deneme"}
    del body["slug"]
    assert key.send("/v1/admin/places/bornova", body, "PUT").status_code == 428
    etag = read.headers["ETag"]
    assert key.send("/v1/admin/places/bornova", body, "PUT", If_Match=etag).status_code == 200
    assert key.send("/v1/admin/places/bornova", body, "PUT", If_Match=etag).status_code == 412
    assert found(runtime, text) == []
    assert "Bornova" not in client.get("/").text
    assert key.get("/v1/admin/places/yok").status_code == 404


def test_mistakes_of_a_district_are_named(
    signed_in: Callable[[str], Browser], program: Callable[..., Any], town: Any
) -> None:
    new = {"slug": "x", "name": "Yeni", "aliases": ["Bornova"], "reason": "Deneme"}
    wrong = program("editor").send("/v1/admin/places", new)
    assert (wrong.status_code, wrong.json["errors"][0]["field"]) == (422, "aliases")
    taken = program("administrator").send("/v1/admin/places", {**new, "slug": "konak"})
    assert taken.status_code == 409
    form = {"slug": "Kötü Ad", "name": "", "reason": "Deneme", "aliases": "a\nA"}
    page = signed_in("editor").post("/en/staff/districts", **form)
    assert page.status_code == 422
    for field in ("slug", "name", "aliases"):
        assert f'href="#{field}"' in page.text
    assert town.all(TaxonomyVersion) == []


def test_a_model_shows_its_report_is_used_and_left_again(
    runtime: Runtime, signed_in: Callable[[str], Browser], town: Any
) -> None:
    number = trained(runtime)["model_id"]
    browser = signed_in("editor")
    page = browser.get(f"/en/staff/models/{number}").text
    assert page.count("<rect") == 6
    assert "<desc" in page
    assert "0.60" in page
    assert browser.post(f"/staff/models/{number}/promote").status_code == 303
    assert browser.post("/staff/models/roll-back").status_code == 303
    assert town.all(Learning)[0].is_held
    assert "Held" in browser.get("/en/staff/models").text
    assert browser.post("/staff/models/roll-back").status_code == 409
    assert browser.post("/staff/models/99/promote").status_code == 409
    assert browser.get("/staff/models/99").status_code == 404


def test_training_is_asked_for_where_there_is_enough_to_learn_from(
    runtime: Runtime, program: Callable[..., Any]
) -> None:
    key = program("editor")
    few = key.send("/v1/admin/models/train")
    assert (few.status_code, "training needs 50" in few.json["detail"]) == (409, True)
    decided(runtime)
    assert key.send("/v1/admin/models/train").json["asked_at"] is not None
    with runtime.db.read() as session:
        assert is_asked_for(session)
