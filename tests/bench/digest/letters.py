"""How many letters of a digest are looked at, written and signed in a second of one core."""

from __future__ import annotations

import time

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from sqlalchemy import select

from service.db import utcnow
from service.ledger.claim import claim
from service.ledger.digest_look import Look
from service.ledger.lease import LARGEST_SLICE, pending
from service.models import Batch
from service.runtime import Runtime
from workers.email.dkim import Signer
from workers.email.task import EmailSender

BATCHES = 5


def letters_per_s(runtime: Runtime, notification: int) -> float:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    signer, journals = Signer(pem, "example.com", "s1"), runtime.settings.var_dir / "journal"
    with runtime.db.read() as session:
        own = select(Batch.id).where(Batch.notification_id == notification).order_by(Batch.id)
        batches = session.scalars(own.limit(BATCHES)).all()
    count, began = 0, time.process_time()
    for batch in batches:
        with runtime.db.write() as session:
            lease = claim(session, batch, utcnow(), journals)
        assert lease is not None
        with runtime.db.read() as session:
            look = Look.of(session, notification)
        assert look is not None
        sender, after = EmailSender(runtime, lease), 0
        while True:
            with runtime.db.read() as session:
                rows = pending(session, lease, after, LARGEST_SLICE)
                if not rows:
                    break
                letters = look.add_letters(session, rows)
                sender.prepare(session)
            look.write(runtime.db)
            for row in letters:
                signer.sign_letter(sender.letter(row), int(time.time()))
            count, after = count + len(rows), rows[-1]["destination_id"]
    return count / (time.process_time() - began)
