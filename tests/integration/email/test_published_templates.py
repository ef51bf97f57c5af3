"""What staff publish is in the next batch's letters, in a worker that was never restarted."""

from __future__ import annotations

from sqlalchemy import select

from service.db import utcnow
from service.messages.publishing import publish
from service.models import Alarm, AlarmKind, MailboxMessage, Staff, TemplateVersion
from service.runtime import Runtime
from tests.integration.town import Town
from workers.email.task import send_email_batch


def put(runtime: Runtime, text: str | None) -> None:
    with runtime.db.write() as session:
        publish(
            session,
            runtime.settings,
            runtime.vault,
            "welcome.txt",
            text,
            base=None,
            reason="Deneme",
            staff_id=session.scalars(select(Staff.id)).one(),
            now=utcnow(),
        )


def newest_letter(runtime: Runtime, town: Town) -> bytes:
    (batch_id,) = town.batches(town.message(town.reader()))
    send_email_batch(runtime, batch_id)
    return town.all(MailboxMessage)[-1].raw


def test_the_next_batch_has_it(runtime: Runtime, town: Town, editor: str) -> None:
    shipped = newest_letter(runtime, town)
    put(runtime, "KISA {{ link }}\n")
    assert b"KISA" in newest_letter(runtime, town)
    put(runtime, None)
    assert b"KISA" not in newest_letter(runtime, town)
    assert b"KISA" not in shipped


def test_one_that_breaks_stops_no_letter_and_alarms(
    runtime: Runtime, town: Town, editor: str
) -> None:
    put(runtime, "KISA {{ link }}\n")
    with runtime.db.write() as session:  # as an update of the program can do it
        row = session.scalars(select(TemplateVersion)).one()
        row.text, row.published_at = "KISA {{ gone }}", utcnow()
    letter = newest_letter(runtime, town)
    assert b"KISA" not in letter
    assert b"/sign-in" in letter
    (alarm,) = town.all(Alarm)
    assert (alarm.kind, alarm.cleared_at) == (AlarmKind.TEMPLATE_BROKEN, None)
    assert alarm.text == "welcome.txt: 'gone' is undefined"
