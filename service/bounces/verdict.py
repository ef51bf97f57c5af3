"""The verdict: whose fault a refusal is, from its status code alone (email guide, rule 15).

Never suppress a citizen on doubt. So only the few codes that say "there is no such mailbox" are
hard, what may be about us is ours, and a reply without an enhanced status (RFC 3463) is never hard:
550 stands for an unknown user, a blocked sender and a local rule alike (RFC 5321, section 4.2.3).
"""

from __future__ import annotations

import re

from service.models import BounceVerdict

# An enhanced status, and no part of an IP address.
STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
REPLY = re.compile(r"(?:^|[;:]\s*)([45]\d\d)(?![\d.])")  # where an answer begins

# No such mailbox (5.1.1, 5.1.3, 5.1.6 moved away) or no such domain (5.1.2, 5.1.10 null MX).
_HARD = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10"}
_DISABLED = {"5.2.1"}
# About the sender's address, the size or form of what we send, or how we speak. The class does not
# matter: 4.7.x until the letter expired is no more the reader's fault than 5.7.x.
_OURS = re.compile(r"[45]\.(?:7\.\d+|5\.\d+|6\.\d+|1\.[78]|3\.4)")
# A dialogue that went wrong, credentials that are wanted, and a transaction that failed without
# further reason, which in practice is a block list.
_OUR_REPLIES = {*range(500, 505), 530, 534, 535, 538, 554, 555}
# No such signature, SPF or reverse name (RFC 7372), and Microsoft's word for the same: it concerns
# every letter, so the first one is enough for an alarm.
_UNAUTHENTICATED = re.compile(r"[45]\.7\.(?:2\d|515)")


def verdict_of(status: str, reply: int | None = None) -> BounceVerdict:
    """Judge a final refusal by its enhanced status, its SMTP reply code, or both.

    An unknown or missing status is soft: it counts, and suppresses nobody by itself.
    """
    if status.startswith("2"):
        return BounceVerdict.NOTHING
    if status in _HARD:
        return BounceVerdict.HARD
    if status in _DISABLED:
        return BounceVerdict.DISABLED
    if _OURS.fullmatch(status):
        return BounceVerdict.OURS
    if is_vague(status) and reply in _OUR_REPLIES:
        return BounceVerdict.OURS
    return BounceVerdict.SOFT


def is_answer(code: str) -> bool:
    """True for a code that a mail server gave, not one of ours such as "expired"."""
    return bool(STATUS.fullmatch(code) or REPLY.fullmatch(code))


# Statuses of refusals that give no reason, as `judge` returns them.
VAGUE = ("", "4.0.0", "4.3.0", "5.0.0", "5.3.0", *map(str, range(400, 600)))


def is_vague(status: str) -> bool:
    """True where a status says no more than its class, as relays write for a reply without one."""
    return status in VAGUE


def is_unauthenticated(status: str) -> bool:
    """True where a mailbox says that a letter does not prove who sent it."""
    return bool(_UNAUTHENTICATED.fullmatch(status))


def judge(code: str, text: str = "") -> tuple[BounceVerdict, str]:
    """The verdict on a refusal in an SMTP dialogue, and the code that it follows from.

    `code` is an enhanced status ("5.1.1") or a reply code ("550"); `text` is what the server said.
    Where both name a status and one of them is our fault, it is ours.
    """
    status = code if STATUS.fullmatch(code) else ""
    found = REPLY.search(text) or REPLY.fullmatch(code)
    reply = int(found[1]) if found else None
    said = STATUS.search(text)
    if said and (is_vague(status) or verdict_of(said[1]) == BounceVerdict.OURS):
        status = said[1]
    return verdict_of(status, reply), status or (str(reply) if reply else "")
