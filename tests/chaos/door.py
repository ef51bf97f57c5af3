"""The CMS of a city: posts signed articles, and again until the door has taken them."""

from __future__ import annotations

import json
import random
import urllib.error
import urllib.request
from string import ascii_lowercase

from standardwebhooks import Webhook

from service.db import utcnow

SLUG = "chaos"
TOPIC = "iklim-cevre"
TITLE = "Körfez için iklim eylem planı: karbon salımı azalıyor"
BODY = "Sera gazı salımı ve iklim krizi üzerine çalışmalar sürüyor."
OWN_WORDS = 60  # enough to make two articles two stories: one story is told once
# As in a city's news, articles differ by how they join words, and few of these are new.
WORDS = ["".join(random.Random(number).choices(ascii_lowercase, k=7)) for number in range(5_000)]
TIMEOUT_S = 5


def article(mark: str, *, is_urgent: bool = False) -> bytes:
    """An article about the topic, of a story of its own: its mark is in title, text and address."""
    words = random.Random(mark).choices(WORDS, k=OWN_WORDS)
    values = {
        "id": mark,
        "state": "published",
        "url": f"https://www.example.bel.tr/haber/{mark}",
        "title": f"{TITLE} ({mark})",
        "body_text": f"{BODY} {' '.join(words)}.",
        "urgent": is_urgent,
    }
    return json.dumps(values).encode()


class Door:
    """One source's way in."""

    def __init__(self, url: str, secret: str) -> None:
        self._url, self._secret = f"{url}/v1/sources/{SLUG}/articles", secret

    def offer(self, mark: str, body: bytes) -> bool:
        """Post once; False where nobody answered or the server failed: a CMS tries again.

        Raises:
            AssertionError: the door refuses it.
        """
        now = utcnow()
        request = urllib.request.Request(
            self._url,
            data=body,
            headers={
                "Content-Type": "application/json",
                "webhook-id": mark,
                "webhook-timestamp": str(int(now.timestamp())),
                "webhook-signature": Webhook(self._secret).sign(mark, now, body.decode()),
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return bool(response.status in (200, 202))
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise AssertionError(error.read()) from error
            return False
        except OSError:
            return False
