"""What rooms are sent through Apprise: in the form of their service, and always the newest text."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import update

from service.ledger.lease import SLICE
from service.messages.chat import about
from service.messages.chat_preview import sample
from service.models import Revision
from tests.integration.chat.test_channels import Room, room, send_to_target, tell

__all__ = ["room", "tell"]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("mmost://127.0.0.1:{port}/" + "a" * 26, "**Kıyıda bisiklet yolu açıldı**\n\nYeni yol"),
        ("rocket://web/hook@127.0.0.1:{port}/#haber", "**Kıyıda bisiklet yolu açıldı**\n\nYeni"),
    ],
)
def test_markdown_passes_apprise_as_it_is(room: Room, url, text):
    message = about(sample(), "tr")

    send_to_target(url.format(port=room.port), message, ("127.0.0.1",))

    (got,) = room.got
    assert got["text"].startswith(text)
    assert "apprise" not in str(got).lower(), "no picture of a stranger"
    assert got["text"] == message.written(url.partition(":")[0]).text
    assert "[Haberin tamamı](https://city.example/news/1)" in got["text"]


@pytest.mark.usefixtures("unhurried")
def test_a_text_that_changes_while_a_batch_is_sent_is_told_to_the_rest(room, town, tell, runtime):
    for _ in range(SLICE + 1):
        town.channel(room.url())

    asked = itertools.count()

    def answer(handler) -> None:
        if next(asked) == 0:
            with runtime.db.write() as session:
                session.execute(update(Revision).values(title="Yeni başlık"))
        handler.say(200)

    room.answer = answer

    tell()

    assert len(room.got) == SLICE + 1
    assert room.got[0]["title"] != "Yeni başlık"
    assert "Yeni başlık" in {one["title"] for one in room.got}, "the second slice has it"
