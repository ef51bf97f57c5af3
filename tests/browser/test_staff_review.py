"""The staff's rules in a browser: the review by keyboard alone; topics, districts and models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from apiflask import APIFlask
from playwright.sync_api import BrowserContext, Page, expect

from service.jobs import running
from service.models import (
    Article,
    Job,
    LabelOrigin,
    LabelState,
    RevisionState,
    StoryLink,
    TopicLabel,
)
from service.runtime import Runtime
from tests import staff
from tests.browser.checks import WALKS, Walk, inspect
from tests.integration.admin.examples.models import trained
from tests.integration.town import Town

OpenContext = Callable[..., BrowserContext]
EDITOR = "editor@tellal.example"
CLIMATE, SPORT = "iklim-cevre", "spor"
LONG = (
    "Körfez’in temizliği için iklim eylem planı çerçevesinde yeni bir dönem başladı: çalışmalar "
    "otuz ilçede birlikte yürüyor. "
)
DAMAGED = "Ä°zmir BÃ¼yÃ¼kÅŸehir Belediyesi Ã§alÄ±ÅŸÄ±yor"


@pytest.fixture
def town(app: APIFlask, runtime: Runtime) -> Town:
    """A town with one question of each kind, and a model."""
    staff.add(app, runtime, EDITOR, "editor")
    town = Town(runtime)
    for title, score in (("Emin bir haber", 0.3), ("Kararsız bir haber", 0.49)):
        _ask(town, town.article(title=title, summary=LONG, body_text=LONG * 5), score)
    town.article((), title="Konusuz bir haber", summary=LONG, body_text=LONG)
    town.article((), title=DAMAGED, summary=DAMAGED, state=RevisionState.QUARANTINED)
    first = town.article(title="Önceki haber")
    second = town.article(title="Sonraki haber", story_id=town.get(Article, first).story_id)
    evidence = {"measure": "jaccard", "value": 0.6, "shared": 40}
    with runtime.db.write() as session:
        session.add(StoryLink(article_id=second, earlier_id=first, evidence=evidence))
    trained(runtime)
    return town


def _ask(town: Town, article_id: int, score: float) -> None:
    revision_id = town.get(Article, article_id).shown_revision_id
    start = LONG.index("iklim eylem planı")
    found = {
        "term": "+iklim eylem planı",
        "field": "summary",
        "start": start,
        "end": start + len("iklim eylem planı"),
        "text": "iklim eylem planı",
        "weight": 1.0,
        "kind": "term",
    }
    with town.runtime.db.write() as session:
        session.query(TopicLabel).filter_by(revision_id=revision_id).update(
            {"state": LabelState.REVIEW, "score": score, "evidence": [found]}
        )


def _press(page: Page, selector: str) -> None:
    with page.expect_navigation():
        page.click(selector)


def _review(page: Page, base: str, town: Town) -> Iterator[str]:
    page.goto(base + "/staff/review")
    yield "staff review"
    for kind in ("damaged", "story", "no-topic", "uncertain"):
        page.goto(f"{base}/staff/review/one?kind={kind}")
        yield f"staff review one {kind}"
    _press(page, "button[value=accept]")
    yield "staff review decided"
    article_id = int(page.input_value("input[name=article]"))
    _decide_elsewhere(town, article_id)
    _press(page, "button[value=accept]")
    yield "staff review overtaken"
    page.goto(base + "/staff/review/one?kind=uncertain")
    yield "staff review one empty"
    page.goto(base + "/staff/review?kind=doubted")
    yield "staff review empty"
    page.goto(base + "/staff/review/decisions")
    yield "staff review decisions"
    _press(page, "main td form button")
    yield "staff review undone"


def _decide_elsewhere(town: Town, article_id: int) -> None:
    revision_id = town.get(Article, article_id).shown_revision_id
    with town.runtime.db.write() as session:
        session.query(TopicLabel).filter_by(revision_id=revision_id).update(
            {"state": LabelState.DROPPED, "origin": LabelOrigin.STAFF}
        )


def _topics(page: Page, base: str, town: Town) -> Iterator[str]:
    page.goto(base + "/staff/topics")
    yield "staff topics"
    page.goto(base + "/staff/topics/versions")
    yield "staff topic versions empty"
    page.goto(base + "/staff/topics/new")
    page.fill("#terms", "kedi\nkedi")
    _press(page, ".staff-page form button.btn-lg")
    yield "staff topic with problems"
    page.goto(f"{base}/staff/topics/{town.topic(CLIMATE)}")
    yield "staff topic"
    terms = page.input_value("#terms").splitlines()
    kept = [term for term in terms if "iklim" not in term and "körfez" not in term.lower()]
    page.fill("#terms", "\n".join([*kept, "+otuz ilçede"]))
    _press(page, ".staff-page form button.btn-lg")
    yield "staff draft compared"
    draft = page.url
    for job in town.all(Job):
        running.run(town.runtime, job.id)
    page.goto(draft)
    yield "staff draft"
    _press(page, "form[action$='/publish'] button")
    yield "staff draft with a problem"
    page.fill("#reason", "Deneme")
    _press(page, "form[action$='/publish'] button")
    yield "staff topic version"
    page.goto(draft)
    yield "staff draft published"
    page.goto(base + "/staff/topics/versions")
    yield "staff topic versions"
    page.goto(base + "/staff/topics/versions/1")
    yield "staff topic version first"


def _places(page: Page, base: str, town: Town) -> Iterator[str]:
    page.goto(base + "/staff/districts")
    yield "staff districts"
    page.goto(f"{base}/staff/districts/{town.place('konak')}")
    yield "staff district"
    _press(page, ".staff-page form button.btn-lg")
    yield "staff district with a problem"
    page.fill("#aliases", page.input_value("#aliases") + "\nKüçük Konak Parkı")
    page.fill("#reason", "Deneme")
    _press(page, ".staff-page form button.btn-lg")
    yield "staff district version"


def _models(page: Page, base: str, town: Town) -> Iterator[str]:
    page.goto(base + "/staff/models")
    yield "staff models"
    _press(page, "form[action$='/train'] button")
    yield "staff models with a problem"
    page.goto(base + "/staff/models/1")
    yield "staff model"


PARTS = {_review: 11, _topics: 11, _places: 4, _models: 3}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__.strip("_"))
@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_every_page_in_every_state(
    site: str, town: Town, open_context: OpenContext, walk: Walk, part: Callable[..., Iterator[str]]
) -> None:
    page = walk.open(open_context)
    staff.sign_in(page, site + walk.prefix, town.runtime, EDITOR)
    problems, seen = [], 0
    for state in part(page, site + walk.prefix, town):
        seen += 1
        problems += inspect(page, walk, state)
    assert problems == []
    assert seen == PARTS[part]


def test_the_whole_queue_by_keyboard_alone(
    site: str, town: Town, open_context: OpenContext
) -> None:
    page = open_context(java_script_enabled=False).new_page()
    base = site + "/en"
    staff.sign_in(page, base, town.runtime, EDITOR)
    page.goto(base + "/staff/review")
    _walk_to(page, "Answer one by one")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    left = {"damaged", "story", "no-topic", "uncertain", "last"}
    while left:
        heading = page.locator("h1").inner_text()
        if heading.startswith("Nothing"):
            break
        left.pop()
        wanted = "About none" if heading.startswith("What is") else ("No,", "Yes,")
        _walk_to(page, wanted)
        with page.expect_navigation():
            page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Nothing waits for review.")
    _walk_to(page, "Undo")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Undone")
    assert page.locator("h1").inner_text() != "Nothing waits for review."


def test_each_answer_has_a_key_of_its_own(site: str, town: Town, open_context: OpenContext) -> None:
    page = open_context().new_page()
    staff.sign_in(page, site + "/en", town.runtime, EDITOR)
    page.goto(site + "/en/staff/review/one?kind=uncertain")
    title = page.locator(".staff-page h2").first.inner_text()
    for key, later in (("a", False), ("u", True), ("r", False)):
        _access(page, key)
        assert (page.locator(".staff-page h2").first.inner_text() == title) is later, key
    keys = page.eval_on_selector_all("[accesskey]", "all => all.map(one => one.accessKey)")
    assert len(keys) == len(set(keys))
    _access(page, "l")
    expect(page.locator("h1")).to_have_text("Nothing waits for review.")


def _access(page: Page, key: str) -> None:
    """Press Alt and an access key; Playwright's own keyboard leaves out what a browser looks at."""
    pressed = {"modifiers": 1, "key": key, "unmodifiedText": key, "text": key}
    keys = page.context.new_cdp_session(page)
    with page.expect_navigation():
        keys.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **pressed})
        keys.send("Input.dispatchKeyEvent", {"type": "char", **pressed})


def _walk_to(page: Page, wanted: Any) -> None:
    """Press Tab until what has the focus begins with one of these words."""
    for _ in range(80):
        page.keyboard.press("Tab")
        text = page.locator(":focus").inner_text() if page.locator(":focus").count() else ""
        if text.strip().startswith(wanted):
            return
    raise AssertionError(f"the keyboard never reaches {wanted}")
