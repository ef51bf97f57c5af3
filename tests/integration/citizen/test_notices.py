"""Texts in versions: published by staff, shown with their number, and found again as proof."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from service.cli import cli
from service.models import (
    AuditEntry,
    Consent,
    ConsentAct,
    Destination,
    NoticeKind,
    NoticeText,
)
from service.subscriptions import abroad, notices
from service.subscriptions.addresses import address_hash
from tests.integration.town import EDITOR

pytestmark = pytest.mark.usefixtures("command_line", "editor")
ADDRESS = "ayse@example.com"
NEW = "Seçtiğim haberler için adresimin işlenmesine rıza veriyorum."


def invoke(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def publish(tmp_path: Path, kind: str, text: str, language: str = "tr") -> Result:
    file = tmp_path / "text.txt"
    file.write_text(text, encoding="utf-8")
    options = ("--kind", kind, "--language", language, "--staff", EDITOR)
    return invoke("notice", "publish", *options, str(file))


def test_the_texts_of_the_software_are_version_1(runtime, town):
    assert len(town.all(NoticeText)) == 6
    assert {one.version for one in town.all(NoticeText)} == {1}
    with runtime.db.write() as session:
        notices.ship(session)
    assert len(town.all(NoticeText)) == 6
    assert invoke("notice", "list").output.count("with the software") == 6


def test_a_release_with_another_text_makes_a_version_unless_staff_have_theirs(
    runtime, town, tmp_path, monkeypatch
):
    publish(tmp_path, "consent", NEW)
    changed = dict.fromkeys(notices._SENTENCES, "Another sentence, {provider}.")
    for language in ("tr", "en"):
        changed[NoticeKind.CONSENT, language] = "Another sentence."
    monkeypatch.setattr(notices, "_SENTENCES", changed)

    with runtime.db.write() as session:
        notices.ship(session)

    found = {(one.kind, one.language, one.version) for one in town.all(NoticeText)}
    assert {("consent", "en", 2), ("abroad", "tr", 2), ("abroad", "en", 2)} < found
    assert ("consent", "tr", 3) not in found


def test_a_new_version_is_shown_at_once_and_proves_itself(
    runtime, town, person, confirm_token, tmp_path
):
    person.sign_up(ADDRESS)
    person.client.post(f"/confirm/{confirm_token()}")

    said = publish(tmp_path, "consent", NEW + "\n")
    assert said.output.startswith("Published: consent\ttr\tversion 2\t"), said.output
    page = person.choose()
    assert NEW in page.text
    person.sign_up(ADDRESS)

    proof = invoke("consent", "prove", "Ayse@example.com".lower()).output
    acts = [line.split("\t")[1] for line in proof.splitlines() if not line.startswith("\t")]
    assert acts == ["asked", "confirmed", "asked"]
    assert proof.count("version 1: Seçtiğim haberlerin gönderilmesi için") == 2
    assert f"version 2: {NEW}" in proof
    assert "privacy notice, version 1" in proof
    assert "all topics – the whole city, instant" in proof
    assert "@" not in proof
    assert town.all(AuditEntry)[-1].act == "notice.publish"


def test_the_privacy_notice_shows_its_version_and_carries_nothing_that_acts(client, town, tmp_path):
    assert "Sürüm 1, yayım tarihi:" in client.get("/privacy").text
    assert "Version 1, published on" in client.get("/en/privacy").text
    hostile = (
        '<h2>Yeni</h2><p onclick="x()">Metin</p><script>alert(1)</script>'
        '<a href="javascript:x">a</a><img src="http://tracker.example/p.gif">'
    )

    assert publish(tmp_path, "notice", hostile).exit_code == 0

    page = client.get("/privacy").text
    assert "<h2>Yeni</h2><p>Metin</p>" in page
    assert "Sürüm 2, yayım tarihi:" in page
    for bad in ("onclick", "alert(1)", "javascript:", "tracker.example"):
        assert bad not in page
    assert "Yeni" not in client.get("/en/privacy").text
    shown = invoke("notice", "show", "--kind", "notice", "--language", "tr").output
    assert shown.startswith("<h2>Yeni</h2>")
    first = ("notice", "show", "--kind", "notice", "--language", "tr", "--version", "1")
    assert "Neyi saklarız?" in invoke(*first).output
    assert "no version 9" in invoke(*first[:-1], "9").output


def test_plain_paragraphs_become_paragraphs(client, tmp_path):
    publish(tmp_path, "notice", "Bir & iki.\n\nÜç.")
    assert "<p>Bir &amp; iki.</p>\n<p>Üç.</p>" in client.get("/privacy").text


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("consent", " \n", "the text is empty"),
        ("consent", "Bir.\nİki.", "one plain sentence"),
        ("consent", "<b>Bir</b>", "one plain sentence"),
        ("consent", "x" * 501, "at most 500"),
        ("consent", "Bir {provider}.", "must stand in the text of “abroad”"),
        ("abroad", "Bir.", "must stand in the text of “abroad”"),
        ("notice", "x" * 50_001, "at most 50,000"),
    ],
)
def test_a_text_that_is_not_fit_is_refused(town, tmp_path, kind, text, says):
    said = publish(tmp_path, kind, text)
    assert said.exit_code == 2
    assert says in said.output
    assert len(town.all(NoticeText)) == 6
    assert town.all(AuditEntry) == []


def test_the_same_text_twice_is_refused(tmp_path):
    publish(tmp_path, "consent", NEW)
    assert "no text differs from its newest version" in publish(tmp_path, "consent", NEW).output


def test_the_ledger_says_when_it_knows_nothing():
    assert invoke("consent", "prove", ADDRESS).output == (
        "The ledger knows nothing of this address.\n"
    )
    assert invoke("consent", "prove", "nobody").exit_code == 2


def test_how_a_consent_ended_is_in_the_ledger(runtime, town, person, unsubscribe_token):
    person.client.post(f"/u/{unsubscribe_token}")
    person.client.post(f"/u/{unsubscribe_token}/all")

    ends = [(one.act, one.how) for one in town.all(Consent)][-2:]

    assert ends == [("withdrawn", "one-click"), ("withdrawn", "everything")]


def test_nobody_is_asked_about_a_channel_that_stays_in_the_country(runtime, settings):
    with runtime.db.write() as session:
        assert abroad.question(session, settings, "email", "tr") is None
        assert abroad.may_send(session, settings, "email", "some hash")
        assert abroad.Agreement.to(session, settings, "email", "tr") is None
        abroad.record(session, None, "email", hashed="h", language="tr", origin="web")
        assert session.scalars(select(Consent)).all() == []


def test_a_channel_abroad_needs_a_consent_of_its_own(runtime, settings, town):
    there = settings.model_copy(update={"abroad": {"ntfy": "Example Push"}})
    elsewhere = settings.model_copy(update={"abroad": {"ntfy": "Another Push"}})
    reader = town.reader(address=ADDRESS)
    hashed = address_hash(runtime.vault, "email", ADDRESS)

    def may(which: Any = there) -> bool:
        with runtime.db.read() as session:
            return abroad.may_send(session, which, "ntfy", hashed)

    with runtime.db.write() as session:
        sentence = abroad.question(session, there, "ntfy", "en")
        assert (
            sentence
            == "This channel sends through Example Push abroad; I consent to this separately."
        )
        asked = {"hashed": hashed, "language": "en", "origin": "web"}
        agreed = abroad.Agreement.to(session, there, "ntfy", "en")
        abroad.record(session, agreed, "ntfy", **asked, act=ConsentAct.ASKED)
    assert not may()
    with runtime.db.write() as session:
        abroad.record(session, agreed, "ntfy", **asked)
    assert may()
    assert not may(elsewhere)
    with runtime.db.write() as session:
        abroad.withdraw(session, session.get_one(Destination, reader), "ntfy", "page")
        abroad.withdraw(session, session.get_one(Destination, reader), "ntfy", "page")
    assert not may()

    assert [one.act for one in town.all(Consent)] == ["asked", "confirmed", "withdrawn"]
    proof = invoke("consent", "prove", ADDRESS).output
    assert "abroad:ntfy" in proof
    assert "provider: Example Push" in proof
    assert "version 1: This channel sends through {provider} abroad" in proof


def test_staff_answer_requests_by_hand(runtime, town):
    reader = town.reader(address=ADDRESS)
    why = ("--staff", EDITOR, "--reason", "letter 17/204")

    data = json.loads(invoke("subscriber", "export", ADDRESS, *why).output)
    assert data["addresses"][0]["address"] == ADDRESS
    assert invoke("subscriber", "erase", ADDRESS, *why).output == "Erased.\n"

    assert town.get(Destination, reader).address == ""
    assert "not known" in invoke("subscriber", "erase", ADDRESS, *why).output
    assert [one.act for one in town.all(AuditEntry)] == ["subscriber.export", "subscriber.erase"]
    assert ADDRESS not in str([one.detail for one in town.all(AuditEntry)])


def test_nobody_is_taken_to_agree_to_a_sentence_that_they_were_not_shown(person, town, tmp_path):
    """Staff publish another one while somebody checks their answers."""
    checked = person.fill_in(ADDRESS)
    publish(tmp_path, "consent", NEW)

    asked_again = person.finish(checked)

    assert NEW in asked_again.text
    assert 'id="consent"' in asked_again.text
    assert town.all(Consent) == []
    person.finish(asked_again, consent="yes")
    (asked,) = town.all(Consent)
    assert asked.text_hash == notices.text_hash(NEW)


def test_who_changes_the_language_agrees_in_that_language(client, person, town):
    checked = person.fill_in(ADDRESS)
    sealed = re.search(r'name="choices" value="([^"]+)"', checked.text)[1]

    page = client.post("/en/check-email", data={"choices": sealed})

    assert "I give explicit consent" in page.text
    assert town.all(Consent) == []
