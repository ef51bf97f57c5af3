"""A reader's letter joined from segments, against the same letter built by `EmailMessage`.

Processor time for one reader, tokens included; the edition's own rendering is spread over a batch
of a thousand.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from cryptography.fernet import Fernet

from service.crypto import Vault
from service.dkim import new_key
from service.messages.edition import Edition
from service.messages.email import Letterhead, Reader
from service.messages.story import Name, Story
from service.settings import load
from workers.email.dkim import Signer

BATCH = 1_000
AT = datetime(2026, 6, 1, 7, 30, tzinfo=UTC)
TOPICS = tuple(Name(id, f"konu-{id}", f"Konu {id}", f"Topic {id}") for id in range(1, 5))
PLACES = {id: Name(id, f"ilce-{id}", f"İlçe {id}", f"İlçe {id}") for id in range(1, 31)}
STORY = Story(
    article_id=1,
    revision_id=1,
    url="https://www.izmir.bel.tr/tr/Haberler/korfezde-yosun-temizligi/12345/156",
    title="Körfezde yosun temizliği hız kazandı: ekipler gün boyu çalışacak",
    summary="İzmir Körfezi’nde artan yosun için Büyükşehir ekipleri kıyı boyunca çalışıyor. " * 6,
    body_html="",
    body_text="",
    language="tr",
    topics=TOPICS,
    places=(PLACES[1],),
    terms={1: ("körfez", "yosun")},
    published_at=AT,
)


@dataclass(frozen=True)
class Costs:
    """Seconds of processor time for one reader's letter of `length` bytes."""

    length: int
    built: float
    joined: float
    signed: float

    @property
    def ratio(self) -> float:
        return self.built / self.joined


def measure(rounds: int) -> Costs:
    """The least of so many rounds, as everything else that runs can only add to it."""
    settings = load(
        secret_key="x" * 32,
        encryption_key=Fernet.generate_key().decode(),
        base_url="https://haber.example.org",
        mail_from="haber@haber.example.org",
    )
    vault = Vault(settings)
    house = Letterhead(settings, vault)
    raw = Edition(house, STORY, 4711, PLACES, AT).letter(READERS[0]).as_bytes()
    return Costs(
        length=len(raw),
        built=min(_cost(lambda: building(vault, raw)) for _ in range(rounds)) / 100,
        joined=min(_cost(lambda: joining(house)) for _ in range(rounds)) / BATCH,
        signed=min(_cost(lambda: signing(house)) for _ in range(rounds)) / BATCH,
    )


def main() -> None:
    """Print both costs, their ratio, and what a signature adds."""
    found = measure(1 if os.environ.get("QUICK") == "1" else 5)
    print(f"a letter of {found.length:,} bytes, for one reader")
    print(f"  built by EmailMessage   {found.built * 1e6:8.1f} µs")
    print(f"  joined from segments    {found.joined * 1e6:8.1f} µs")
    print(f"  joined and signed       {found.signed * 1e6:8.1f} µs")
    print(f"  ratio                   {found.ratio:8.0f}")


def readers(count: int) -> Iterator[Reader]:
    """Readers of all topics and districts who asked on many days."""
    for number in range(count):
        yield Reader(
            destination_id=1_000_000 + number,
            address=f"okur{number}@example.com",
            language="en" if number % 10 == 0 else "tr",
            subscription_id=3_000_000 + number,
            topic_id=number % 5 or None,
            place_id=number % 3 or None,
            subscribed_at=AT - timedelta(days=number % 40),
        )


def joining(house: Letterhead) -> None:
    """A whole batch, its rendering included."""
    edition = Edition(house, STORY, 4711, PLACES, AT)
    for reader in READERS:
        edition.letter(reader).as_bytes()


def signing(house: Letterhead, signer: Signer | None = None) -> None:
    signer = signer or SIGNER
    edition = Edition(house, STORY, 4711, PLACES, AT)
    for reader in READERS:
        signer.sign_letter(edition.letter(reader), 1_780_000_000)


def building(vault: Vault, raw: bytes) -> None:
    """The same words, put into a new message for each of a hundred readers."""
    from email import message_from_bytes, policy

    parsed = message_from_bytes(raw, policy=policy.default)
    text, html = (part.get_content() for part in parsed.iter_parts())
    for reader in READERS[:100]:
        token = vault.token("unsubscribe", 4711, reader.destination_id, reader.subscription_id)
        message = EmailMessage(policy=SMTP)
        message["From"] = Address("İzmir Büyükşehir Belediyesi", "haber", "haber.example.org")
        message["To"] = reader.address
        message["Subject"] = STORY.title
        message["Date"] = AT
        message["Message-ID"] = f"<{vault.token('mail', 4711, reader.destination_id)}@example.org>"
        message["List-Id"] = "<konu.haber.example.org>"
        message["List-Unsubscribe"] = f"<https://haber.example.org/u/{token}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Feedback-ID"] = "konu:article:tellal"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text, cte="quoted-printable")
        message.add_alternative(html, subtype="html", cte="quoted-printable")
        message.as_bytes()


def _cost(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


READERS = list(readers(BATCH))
SIGNER = Signer(new_key(), "haber.example.org", "bench")

if __name__ == "__main__":
    main()
