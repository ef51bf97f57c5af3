"""Letters' templates and notices as staff change them: checked, seen, published, taken back."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from service.cli import cli
from service.db import utcnow
from service.messages import publishing
from service.messages.email import Letterhead
from service.messages.preview import parts, sample_letter
from service.models import Alarm, AlarmKind, NoticeKind, NoticeText, TemplateVersion
from service.runtime import Runtime
from service.subscriptions import notices
from tests.integration.admin.examples.texts import NAME, TEXT, draft, publish, staff_id

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
ROOT = f"/v1/admin/mail-templates/{NAME}"
HOSTILE = [
    ("{{ date }}{% for a in topic %}{% for b in topic %}{{ b }}{% endfor %}{% endfor %}", "loop"),
    ("{{ date }}{{ topic * 99999999 }}", "multiplied"),
    ("{{ date }}{{ topic.center(999999999) }}", "may be called"),
    ("{{ date }}{{ topic | safe }}", "filter safe"),
    ("{{ date }}{% include 'why.txt' %}", "include"),
    ("{{ date }}{% macro m(x) %}{{ x }}{{ x }}{% endmacro %}{{ m(m(topic)) }}", "inside a call"),
    ("{{ date }}{% set a = topic %}{% set a = [a, a] %}{{ a }}", "made from what was set"),
    ("{{ date }}{{ ''.__class__.__mro__ }}", "unsafe"),
    ("{{ topic }}", "{{ date }} is missing"),
    ("{{ date }} {{ nobody }}", "'nobody' is undefined"),
    ("{{ date", "line 1"),
]


def letter_text(runtime: Runtime) -> str:
    """A letter as a worker would write it now."""
    with runtime.db.read() as session:
        paper = publishing.paper_in_use(session, runtime.settings)
    house = Letterhead(runtime.settings, runtime.vault, paper)
    return parts(sample_letter(house, "article.txt", "tr", "new"))[0]


def test_the_way_of_a_draft_and_back(runtime: Runtime, signed_in: Callable[[str], Any]) -> None:
    editor = signed_in("editor")
    saved = editor.post(f"/staff/letters/draft?name={NAME}", text=TEXT)
    assert saved.status_code == 303
    page = editor.get(saved.location).text
    assert "Bunu {{ date }} günü istediniz" in page
    assert "Kıyıda bisiklet yolu açıldı" in page  # the sample
    assert "Bunu" not in letter_text(runtime)

    refused = editor.post(f"{saved.location}/publish")
    assert refused.status_code == 422
    assert editor.post(f"{saved.location}/publish", reason="Daha kısa").status_code == 303
    assert "Bunu 2 Ocak 2026 Cuma günü istediniz: Ulaşım." in letter_text(runtime)
    assert editor.get(saved.location).status_code == 404

    back = editor.post(
        "/staff/letters/reset", f"/staff/letters/file?name={NAME}", name=NAME, reason="x"
    )
    assert back.status_code == 303
    assert "Bunu" not in letter_text(runtime)
    with runtime.db.read() as session:
        rows = session.scalars(select(TemplateVersion).order_by(TemplateVersion.id)).all()
    assert [(row.version, row.text) for row in rows] == [(1, TEXT), (2, None)]


def test_the_page_of_a_draft_is_framed_without_any_right(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    viewer = signed_in("viewer")
    number = draft(runtime)["draft_id"]
    page = viewer.get(f"/staff/letters/draft/{number}?language=en&scheme=dark").text
    frame = re.search(r'<iframe[^>]* sandbox [^>]*src="([^"]+)"', page)
    assert frame
    shown = viewer.get(frame[1].replace("&amp;", "&"))
    assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert '<html lang="en"' in shown.text
    assert "@media all {" in shown.text
    assert "Yayımla</button>" not in page
    for act in ("publish", "discard"):
        assert viewer.post(f"/staff/letters/draft/{number}/{act}", reason="x").status_code == 403


@pytest.mark.parametrize(("text", "says"), HOSTILE)
def test_what_breaks_letters_is_never_published(
    runtime: Runtime, program: Callable[..., Any], text: str, says: str
) -> None:
    key = program("editor")
    (said, *_) = key.send(f"{ROOT}/check", {"text": text}).json["problems"]
    assert said.startswith(NAME)
    assert says in said
    body = {"text": text, "reason": "x"}
    answer = key.send(f"{ROOT}/publish", body, If_Match="*")
    assert (answer.status_code, says in answer.json["detail"]) == (409, True)
    with runtime.db.read() as session:
        assert publishing.current_versions(session) == {}


def test_a_link_that_signs_in_must_stay(program: Callable[..., Any]) -> None:
    path = "/v1/admin/mail-templates/sign_in.txt/check"
    (said,) = program("editor").send(path, {"text": "{{ subject }}"}).json["problems"]
    assert said == "sign_in.txt: {{ link }} is missing"


def test_two_that_edit_at_once_do_not_undo_each_other(
    runtime: Runtime, program: Callable[..., Any], signed_in: Callable[[str], Any]
) -> None:
    key, editor = program("editor"), signed_in("administrator")
    etag = key.get(ROOT).headers["ETag"]
    number = draft(runtime)["draft_id"]
    done = key.send(f"{ROOT}/publish", {"text": "{{ date }}\n", "reason": "x"}, If_Match=etag)
    assert (done.status_code, done.json["version"]) == (200, 1)
    again = key.send(f"{ROOT}/publish", {"text": "{{ date }}!\n", "reason": "x"}, If_Match=etag)
    assert again.status_code == 412
    late = editor.post(f"/staff/letters/draft/{number}/publish", reason="x")
    assert late.status_code == 422
    assert "version 1 meanwhile" in late.text


def test_a_version_that_breaks_later_stops_no_news_and_alarms(
    runtime: Runtime, program: Callable[..., Any]
) -> None:
    program("editor")
    shipped = letter_text(runtime)
    publish(runtime)
    with runtime.db.write() as session:  # as an update of the program can do it
        row = session.scalars(select(TemplateVersion)).one()
        row.text, row.published_at = "{{ date }}{{ gone }}", utcnow()
    with runtime.db.read() as session:
        paper = publishing.paper_in_use(session, runtime.settings)
    house = Letterhead(runtime.settings, runtime.vault, paper)
    assert parts(sample_letter(house, "article.txt", "tr", "new"))[0] == shipped
    publishing.complain(runtime.db, paper, utcnow())
    publishing.complain(runtime.db, paper, utcnow())
    with runtime.db.read() as session:
        alarm = session.scalars(select(Alarm)).one()
    assert alarm.kind == AlarmKind.TEMPLATE_BROKEN
    assert "'gone' is undefined" in alarm.text
    publish(runtime)
    with runtime.db.read() as session:
        assert session.scalars(select(Alarm)).one().cleared_at is not None


@pytest.mark.usefixtures("command_line", "accounts")
def test_the_same_by_command(runtime: Runtime, tmp_path: Any) -> None:
    def tell(*words: str) -> str:
        result = CliRunner().invoke(cli, ["mail", "templates", *words])
        return result.output

    who = ("--reason", "Deneme", "--staff", "editor@tellal.example")
    (tmp_path / NAME).write_text(TEXT, "utf-8")
    (tmp_path / "article.html").write_text("<script>{{ why }}{{ unsubscribe }}", "utf-8")
    assert "Published: why.txt, version 1" in tell("publish", str(tmp_path / NAME), *who)
    assert "<script> has no place" in tell("publish", str(tmp_path / "article.html"), *who)
    assert f"{NAME}\tversion 1" in tell("list")
    assert "Deneme" in tell("history", NAME)
    assert tell("show", NAME) == TEXT
    assert "version 2" in tell("restore", NAME, *who)
    assert f"{NAME}\tas shipped" in tell("list")
    assert "version 3" in tell("restore", NAME, "--version", "1", *who)
    assert "has no version 9" in tell("restore", NAME, "--version", "9", *who)


def test_a_notice_is_compared_confirmed_and_shown_from_its_day(
    runtime: Runtime, signed_in: Callable[[str], Any]
) -> None:
    officer = signed_in("privacy-officer")
    texts = {"tr": "Kabul ediyorum.", "en": "I agree."}
    page = officer.post("/staff/notices/compare?kind=consent", **texts)
    assert page.status_code == 200
    assert "Kabul ediyorum." in page.text
    path = "/staff/notices/publish?kind=consent"
    assert officer.post(path, **texts, confirmation="yes").status_code == 422
    day = (utcnow() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M")
    done = officer.post(path, **texts, confirmation="PUBLISH", **{"from": day})
    assert done.status_code == 303
    with runtime.db.read() as session:
        assert notices.current(session, NoticeKind.CONSENT, "tr").text != texts["tr"]
        rows = session.scalars(select(NoticeText).where(NoticeText.text.in_(texts.values()))).all()
    assert {row.language: row.published_at for row in rows}.keys() == {"tr", "en"}
    assert "Planlandı" in officer.get("/staff/notices").text
    early = officer.post(path, tr="Başka.", confirmation="PUBLISH")
    assert early.status_code == 422
    assert "for the same moment or later" in early.text
    same = officer.post("/staff/notices/compare?kind=consent", **texts)
    assert same.status_code == 422


def test_a_consent_finds_its_text(runtime: Runtime, signed_in: Callable[[str], Any]) -> None:
    with runtime.db.read() as session:
        row = notices.current(session, NoticeKind.CONSENT, "en")
    viewer = signed_in("viewer")
    found = viewer.get(f"/en/staff/notices?hash={row.text_hash}").text
    assert f'role="status"><a href="/en/staff/notices/{row.id}"' in found
    assert "No version has this" in viewer.get("/en/staff/notices?hash=00").text
    assert viewer.get("/staff/notices/new?kind=consent").status_code == 403


def test_colours_are_tried_and_nothing_changes(signed_in: Callable[[str], Any]) -> None:
    viewer = signed_in("viewer")
    tried = viewer.get("/staff/brand?brand=%23ffd400&accent=%23a8480a").text
    assert "#ffd400 has a contrast of" in tried
    assert "would do" in tried
    assert "is no colour" in viewer.get("/staff/brand?brand=javascript:1").text
    assert "#ffd400" not in viewer.get("/staff/brand").text
    assert ">15,43</td>" in viewer.get("/staff/brand").text  # as Turkish writes it


def test_who_published_is_the_person_who_did(runtime: Runtime, program: Callable[..., Any]) -> None:
    program("administrator").send(f"{ROOT}/publish", {"text": TEXT, "reason": "x"}, If_Match="*")
    with runtime.db.read() as session:
        assert session.scalars(select(TemplateVersion.published_by)).all() == [staff_id(runtime)]
