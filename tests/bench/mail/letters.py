"""Letters as the product makes them: Turkish, multipart, about 9 KB, each to another reader."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from cryptography.fernet import Fernet

from service.crypto import Vault
from service.messages.email import Letterhead, Reader
from service.messages.letter import Letter
from service.messages.story import Name, Story
from service.settings import Settings, load

TOPIC = Name(7, "iklim-cevre", "İklim ve Çevre", "Climate and environment")
PLACE = Name(3, "beydag", "Beydağ", "Beydağ")
AT = datetime(2025, 6, 6, 7, 30, tzinfo=UTC)
PARAGRAPH = (
    "Büyükşehir Belediyesi, Körfez’in geleceği için hazırladığı iklim eylem planını açıkladı; "
    "sera gazı salımının azaltılması, ağaçlandırma ve yağmur suyunun toplanması öncelikli işler. "
)
PARAGRAPHS = 8


def bench_settings() -> Settings:
    """Settings that name no real installation."""
    return load(
        secret_key="bench",
        encryption_key=Fernet.generate_key().decode(),
        var_dir="/nowhere",
        base_url="https://haber.example.org",
        mail_from="haber@haber.example.org",
    )


def letters(count: int) -> list[Letter]:
    """So many letters about one article."""
    settings = bench_settings()
    letterhead = Letterhead(settings, Vault(settings))
    story = Story(
        article_id=1,
        revision_id=2,
        url="https://www.example.bel.tr/haber/58150",
        title="Körfez için iklim eylem planı: karbon salımı azalıyor",
        summary=(PARAGRAPH * PARAGRAPHS).strip(),
        body_html="",
        body_text="",
        language="tr",
        topics=(TOPIC,),
        places=(PLACE,),
        terms={TOPIC.id: ("iklim", "karbon", "sera gazı")},
    )
    return [
        letterhead.about(story, _reader(number), 4711, {PLACE.id: PLACE}, AT)
        for number in range(1, count + 1)
    ]


def write(count: int, file: Path) -> int:
    """Write so many for senders that must not carry what makes them; returns the size of one."""
    ready = [
        {
            "from": letter.sender,
            "sender": letter.envelope_sender,
            "recipient": letter.recipient,
            "raw": letter.as_bytes().decode("ascii"),
            "subject": letter.subject,
            "html": letter.html,
        }
        for letter in letters(count)
    ]
    file.write_text(json.dumps(ready), encoding="ascii")
    return len(ready[0]["raw"])


def _reader(number: int) -> Reader:
    return Reader(
        destination_id=number,
        address=f"okur{number}@example.org",
        language="tr",
        subscription_id=number,
        topic_id=TOPIC.id,
        place_id=PLACE.id,
        subscribed_at=AT,
    )
