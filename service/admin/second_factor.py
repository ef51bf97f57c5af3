"""The second factor of local accounts: codes of an app (TOTP, RFC 6238) and recovery codes.

The secret is sealed by the vault, recovery codes are kept as keyed hashes. Nothing counts twice: a
code of the app must be newer than the last one that was used, a recovery code is taken out.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from urllib.parse import quote, urlencode

import segno
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from service.crypto import Vault
from service.db import rows
from service.models import Staff

STEP_S = 30
DIGITS = 6
DRIFT = 1  # steps that a clock may be off, either way (RFC 6238, section 5.2)
SECRET_BYTES = 20  # as long as the hash (RFC 4226, section 4)
RECOVERY_CODES = 10
RECOVERY_BYTES = 10  # 80 bits each
_METHOD = "authenticator"  # what Flask-Security calls it
_PURPOSE = "recovery-code"


def new_secret() -> str:
    """A secret for an app, in base32 as people type it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def grouped(secret: str) -> str:
    """The secret in fours, to be read and typed."""
    return " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))


def key_address(secret: str, account: str, issuer: str) -> str:
    """The `otpauth:` address that apps read."""
    label = quote(f"{issuer}:{account}", safe="@:")
    more = urlencode({"secret": secret, "issuer": issuer, "digits": DIGITS, "period": STEP_S})
    return f"otpauth://totp/{label}?{more}"


def drawn(address: str) -> str:
    """That address as a QR code, an SVG element without style or script."""
    code = segno.make_qr(address, error="m")
    return str(code.svg_inline(omitsize=True, svgclass=None, lineclass=None, border=2))


def step_at(now: datetime) -> int:
    return int(now.timestamp()) // STEP_S


def code_of(secret: str, step: int) -> str:
    """The code of one step."""
    app = TOTP(base64.b32decode(secret), DIGITS, SHA1(), STEP_S)  # noqa: S303 - what apps know
    return app.generate(step * STEP_S).decode()


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The step whose code this is, of those that count now; the newest first."""
    given, newest, found = _digits(code).encode(), step_at(now) + DRIFT, None
    for step in range(newest, newest - 2 * DRIFT - 1, -1):
        if hmac.compare_digest(code_of(secret, step).encode(), given) and found is None:
            found = step
    return found


def is_set_up(staff: Staff) -> bool:
    return bool(staff.tf_totp_secret)


def enrol(vault: Vault, staff: Staff, secret: str, step: int) -> list[str]:
    """Give somebody a second factor; returns the recovery codes, which nobody sees again.

    `step`: of the code that proved that the app knows the secret; it does not count again.
    """
    staff.tf_primary_method, staff.tf_totp_secret = _METHOD, vault.encrypt(secret)
    staff.totp_step = step
    return renew_recovery_codes(vault, staff)


def renew_recovery_codes(vault: Vault, staff: Staff) -> list[str]:
    """New recovery codes in place of all earlier ones."""
    codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
    staff.mf_recovery_codes = [_hashed(vault, staff.id, code) for code in codes]
    return codes


def reset(staff: Staff) -> None:
    """Take the second factor away; the next sign-in sets up another."""
    staff.tf_primary_method = staff.tf_totp_secret = None
    staff.totp_step = staff.mf_recovery_codes = None


def use(session: Session, vault: Vault, staff_id: int, code: str, now: datetime) -> str | None:
    """Use up a code: `totp`, `recovery`, or None for one that does not count (any more)."""
    sealed = session.scalar(select(Staff.tf_totp_secret).where(Staff.id == staff_id))
    if sealed is None:
        return None
    step = matching_step(vault.decrypt(sealed), code, now)
    if step is not None:
        newer = or_(Staff.totp_step.is_(None), Staff.totp_step < step)
        change = update(Staff).where(Staff.id == staff_id, Staff.tf_totp_secret == sealed, newer)
        return "totp" if rows(session, change.values(totp_step=step)) else None
    return _use_recovery_code(session, vault, staff_id, code)


def _use_recovery_code(session: Session, vault: Vault, staff_id: int, code: str) -> str | None:
    staff = session.get_one(Staff, staff_id, with_for_update=True, populate_existing=True)
    hashed, kept = _hashed(vault, staff_id, code), list(staff.mf_recovery_codes or ())
    if hashed not in kept:
        return None
    staff.mf_recovery_codes = [one for one in kept if one != hashed]
    return "recovery"


def _recovery_code() -> str:
    text = base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def _hashed(vault: Vault, staff_id: int, code: str) -> str:
    plain = "".join(code.split()).replace("-", "").lower()[:64]
    return vault.keyed_hash(_PURPOSE, f"{staff_id} {plain}")


def _digits(code: str) -> str:
    """What was typed, without the gap that apps show; other texts match nothing."""
    text = "".join(code.split())
    return text if text.isascii() and len(text) == DIGITS else ""
