"""The city's rooms on a real homeserver, as somebody else in the room sees them."""

from __future__ import annotations

from service.messages.chat import ChatMessage
from service.models import Channel, Delivery, DeliveryAnswer, DeliveryState
from tests.integration.town import TITLE
from workers.chat.providers.matrix import Matrix

SENT = DeliveryState.SENT
FIXED = "Körfez için iklim eylem planı: İĞÜŞÖÇ ığüşöç, karbon salımı yarıya iniyor"
MESSAGE = ChatMessage("Başlık: İzmir’de ağaç şenliği", "Gövde @room")


def test_an_article_its_correction_and_its_withdrawal_as_others_see_them(
    room, cms, town, pass_by
) -> None:
    town.channel(room.url)

    cms.post("msg_first")
    cms.post("msg_first")  # the CMS repeats itself
    pass_by()
    (text,) = room.shown()
    assert text.startswith(f"{TITLE}\n\nİklim eylem planı kabul edildi.")
    assert "https://www.example.bel.tr/haber/58150" in text
    (event,) = room.reader.read(room.id)
    assert event["sender"] == room.city.name

    cms.post(title=FIXED, notify_update=True)
    pass_by()
    (text,) = room.shown()
    assert FIXED in text
    assert room.reader.latest(room.id, event["event_id"]) == text
    assert len(room.reader.read(room.id)) == 2, "the message, and its edit"

    cms.post(title=TITLE, notify_update=True)
    pass_by()
    assert TITLE in room.shown()[0]
    cms.withdraw(notify_update=True, change_note="Haber yanlıştı.")
    pass_by()
    (text,) = room.shown()
    assert text.startswith(f"Geri çekildi: {TITLE}")
    assert "Haber yanlıştı." in text
    for told in ("yarıya iniyor", "İklim eylem planı kabul edildi"):
        assert told not in room.reader.kept(room.id), "nobody can read it any more"

    assert {DeliveryState(row.state) for row in town.all(Delivery)} == {SENT}
    assert town.count(Delivery) == 4
    details = [row.detail.partition(" message ")[0] for row in town.all(DeliveryAnswer)]
    assert sorted(details) == ["edited", "edited", "withdrew"]


def test_a_delivery_that_is_sent_three_times_is_one_message(room, caller) -> None:
    """Each time by somebody who knows nothing of the times before, and signs in anew."""
    sent = [Matrix().send(caller, room.url, MESSAGE, "7-9") for _ in range(3)]
    changed = [
        Matrix().edit(caller, room.url, sent[0].message_id, ChatMessage("Yeni", "gövde"), "8-9")
        for _ in range(3)
    ]
    assert len(room.reader.read(room.id)) == 2, "one message, one edit"
    gone = [
        Matrix().withdraw(caller, room.url, changed[0].message_id, ChatMessage("Geri", ""), "9-9")
        for _ in range(3)
    ]

    for three in (sent, changed, gone):
        assert [one.outcome.state for one in three] == [SENT] * 3
        assert len({one.message_id for one in three}) == 1
    assert room.shown() == ["Geri"]
    redactions = [e for e in room.reader.read(room.id) if e["type"] == "m.room.redaction"]
    assert len(redactions) == 2, "of the message and of its edit"


def test_each_form_of_address_leads_to_the_room(room, caller, subtests) -> None:
    base = f"matrix://{room.city.token}@"
    full = f"%23{room.alias[1:]}:home.example"
    for number, url in enumerate(
        (
            f"{base}{room.server.host}/{room.id}",
            f"{base}{room.server.host}/{room.alias}?image=no",
            f"{base}{room.server.host}/{full}/?msgtype=notice",
            f"matrix://{room.server.host}/?token={room.city.token}&to={room.alias[1:]}",
            f"matrix://{room.server.host}/{room.alias}?token={room.city.token}&hsreq=no",
        )
    ):
        with subtests.test(url.replace(room.city.token, "***")):
            receipt = Matrix().send(caller, url, MESSAGE, str(number))

            assert receipt.outcome.state == SENT
            event = room.reader.read(room.id)[-1]["content"]
            kind = "m.notice" if "notice" in url else "m.text"
            assert (event["msgtype"], event["body"]) == (kind, f"{MESSAGE.title}\n\nGövde @room")
            assert event["m.mentions"] == {}, "@room rings nobody"


def test_a_correction_follows_where_the_room_was_made_anew(room, cms, town, pass_by) -> None:
    """The alias leads to another room by now, and the account is not in the old one any more."""
    town.channel(room.url)
    cms.post()
    pass_by()
    old = room.id
    room.reader.ask("DELETE", f"/directory/room/%23{room.alias[1:]}:home.example")
    room.id, _ = room.reader.make_room(room_alias_name=room.alias[1:])
    room.reader.act(old, "ban", room.city)

    cms.post(title=FIXED, notify_update=True)
    pass_by()

    (text,) = room.shown()
    assert FIXED in text
    assert not town.all(Channel)[0].is_paused
