"""Stories, readers and a house to write to them, for tests of letters."""

from __future__ import annotations

from datetime import UTC, datetime

from cryptography.fernet import Fernet

from service.crypto import Vault
from service.messages.edition import Edition
from service.messages.email import Letterhead, Reader
from service.messages.story import Name, Story
from service.settings import Settings, load

AT = datetime(2025, 6, 6, 7, 30, tzinfo=UTC)
CLIMATE = Name(7, "iklim-cevre", "İklim ve Çevre", "Climate and environment")
TRAFFIC = Name(8, "ulasim", "Ulaşım", "Transport")
PLACES = {3: Name(3, "beydag", "Beydağ", "Beydağ"), 4: Name(4, "cigli", "Çiğli", "Çiğli")}


def settings(**values: object) -> Settings:
    return load(
        **{
            "secret_key": "x",
            "encryption_key": KEY,
            "var_dir": "/nowhere",
            "base_url": "https://tellal.example/",
            "mail_from": "haber@tellal.example",
            **values,
        }
    )


KEY = Fernet.generate_key().decode()
SETTINGS = settings()
VAULT = Vault(SETTINGS)
HOUSE = Letterhead(SETTINGS, VAULT)


def story(**values: object) -> Story:
    return Story(
        **{
            "article_id": 1,
            "revision_id": 2,
            "url": "https://www.example.bel.tr/haber/çöp?a=1&b='2'",
            "title": "Körfez",
            "summary": "Özet",
            "body_html": "",
            "body_text": "Gövde",
            "language": "tr",
            "topics": (CLIMATE,),
            "places": (),
            "terms": {7: ("iklim", "karbon")},
            "published_at": AT,
            **values,
        }
    )


def reader(**values: object) -> Reader:
    return Reader(
        **{
            "destination_id": 11,
            "address": "okur@example.org",
            "language": "tr",
            "subscription_id": 5,
            "topic_id": 7,
            "place_id": None,
            "subscribed_at": datetime(2025, 6, 5, 22, 30, tzinfo=UTC),
            **values,
        }
    )


def edition(story_: Story | None = None, house: Letterhead = HOUSE) -> Edition:
    return Edition(house, story_ or story(), 9, PLACES, AT)
