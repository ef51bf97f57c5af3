"""Letters as the product makes them: Turkish, multipart, about 9 KB, each to another reader."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from cryptography.fernet import Fernet

from service.crypto import Vault
from service.messages.edition import Edition, EditionLetter
from service.messages.email import Letterhead, Reader
from service.messages.story import Name, Story
from service.settings import Settings, load

TOPIC = Name(7, "iklim-cevre", "İklim ve Çevre", "Climate and environment")
PLACE = Name(3, "beydag", "Beydağ", "Beydağ")
AT = datetime(2025, 6, 6, 7, 30, tzinfo=UTC)
PARAGRAPH = (
    "Büyükşehir Belediyesi, Körfez’in geleceği için hazırladığı iklim eylem planını açıkladı; "
    "sera gazı salımının azaltılması, ağaçlandırma ve yağmur suyunun toplanması öncelikli işler. "
)
TITLE = "Körfez için iklim eylem planı: karbon salımı azalıyor"
SUMMARY = (PARAGRAPH * 2).strip()


def bench_settings() -> Settings:
    """Settings that name no real installation."""
    return load(
        secret_key="bench",
        encryption_key=Fernet.generate_key().decode(),
        var_dir="/nowhere",
        base_url="https://haber.example.org",
        mail_from="haber@haber.example.org",
    )


def story() -> Story:
    """The article that everybody is told."""
    return Story(
        article_id=1,
        revision_id=2,
        url="https://www.example.bel.tr/haber/58150",
        title=TITLE,
        summary=SUMMARY,
        body_html="",
        body_text="",
        language="tr",
        topics=(TOPIC,),
        places=(PLACE,),
        terms={TOPIC.id: ("iklim", "karbon", "sera gazı")},
    )


def edition() -> Edition:
    """The product's own way to make them."""
    settings = bench_settings()
    letterhead = Letterhead(settings, Vault(settings))
    return Edition(letterhead, story(), 4711, {PLACE.id: PLACE}, AT)


def readers(count: int) -> Iterator[Reader]:
    """So many, made one at a time."""
    for number in range(1, count + 1):
        yield Reader(
            destination_id=number,
            address=f"okur{number}@example.org",
            language="tr",
            subscription_id=number,
            topic_id=TOPIC.id,
            place_id=PLACE.id,
            subscribed_at=AT,
        )


def write(count: int, file: Path) -> int:
    """Write so many for senders that must not carry what makes them; returns the size of one."""
    made = edition()
    ready = [_as_read(made.letter(reader)) for reader in readers(count)]
    file.write_text(json.dumps(ready), encoding="ascii")
    return len(ready[0]["raw"])


def _as_read(letter: EditionLetter) -> dict[str, str]:
    """Its bytes, and what those say who are given no bytes."""
    raw = letter.as_bytes()
    message = message_from_bytes(raw, policy=policy.default)
    html = message.get_body(("html",))
    assert html is not None
    return {
        "from": message["From"].addresses[0].addr_spec,
        "sender": letter.envelope_sender,
        "recipient": letter.recipient,
        "raw": raw.decode("ascii"),
        "subject": letter.subject,
        "html": html.get_content(),
    }
