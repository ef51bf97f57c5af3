"""The second way to leave is offered only where somebody reads it (RFC 2369)."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime

import pytest

from service.bounces import Leaving, read_report
from service.crypto import Vault
from service.messages.edition import Edition
from service.messages.email import Letterhead, Reader
from service.messages.story import Story
from service.settings import load
from tests.conftest import ENCRYPTION_KEY, SECRET_KEY

AT = datetime(2025, 6, 6, 7, 30, tzinfo=UTC)
STORY = Story(
    article_id=1,
    revision_id=2,
    url="https://www.example.bel.tr/haber/1",
    title="Körfez",
    summary="Özet",
    body_html="",
    body_text="Gövde",
    language="tr",
    topics=(),
    places=(),
    terms={},
)
READER = Reader(11, "okur@example.org", "tr", 5, None, None, AT)
INTAKES = [
    {"bounce_lmtp": "127.0.0.1:2424"},
    {"bounce_imap_url": "imaps://a:b@mail.example/INBOX"},
]


def header(**intake: str) -> tuple[str, Vault]:
    """The header of a letter as a mail program unfolds it."""
    settings = load(
        secret_key=SECRET_KEY,
        encryption_key=ENCRYPTION_KEY,
        var_dir="/nowhere",
        base_url="https://tellal.example",
        mail_from="haber@tellal.example",
        **intake,
    )
    vault = Vault(settings)
    edition = Edition(Letterhead(settings, vault), STORY, 9, {}, AT)
    raw = edition.letter(READER).as_bytes()
    message = email.message_from_bytes(raw, policy=email.policy.default)
    return str(message["List-Unsubscribe"]), vault


@pytest.mark.parametrize("intake", INTAKES, ids=str)
def test_the_mailto_comes_second_and_names_the_token_of_the_link(intake):
    value, vault = header(**intake)
    token = vault.token("unsubscribe", 9, 11, 5)

    link, mail = value.split(", ")

    assert link == f"<https://tellal.example/u/{token}>"
    assert mail == f"<mailto:u+{token}@tellal.example>"
    recipient = mail.removeprefix("<mailto:").removesuffix(">")
    assert read_report(b"Subject: unsubscribe", vault, [recipient]) == Leaving(token)


def test_without_an_intake_there_is_the_link_alone():
    assert "mailto" not in header()[0]
