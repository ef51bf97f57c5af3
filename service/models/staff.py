"""Staff accounts and roles, in the shape that Flask-Security expects."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask_security import RoleMixin, UserMixin
from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from service.db import Base, BigId, utcnow

ROLES = {
    "viewer": "sees everything but addresses",
    "reviewer": "decides topics",
    "editor": "holds, releases and withdraws articles",
    "channel-manager": "manages channels",
    "privacy-officer": "looks up, exports and erases subscribers",
    "administrator": "everything",
}


class StaffRole(Base):
    __tablename__ = "staff_role"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    role_id: Mapped[int] = mapped_column(ForeignKey("role.id"), primary_key=True)


class StaffTopic(Base):
    """A topic that somebody's decisions are limited to; nobody without a row is limited."""

    __tablename__ = "staff_topic"

    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    topic_id: Mapped[int] = mapped_column(ForeignKey("topic.id"), primary_key=True)


class Role(Base, RoleMixin):
    __tablename__ = "role"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    name: Mapped[str] = mapped_column(String(32), unique=True)
    description: Mapped[str] = mapped_column(default="")
    permissions: Mapped[list[str] | None] = mapped_column(JSON)


BREAK_GLASS = text("is_break_glass")


class Staff(Base, UserMixin):
    __tablename__ = "staff"
    __table_args__ = (
        Index(  # there is one such account at most
            "uq_staff_break_glass",
            "is_break_glass",
            unique=True,
            sqlite_where=BREAK_GLASS,
            postgresql_where=BREAK_GLASS,
        ),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    language: Mapped[str] = mapped_column(String(8), default="tr")
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(String(255))  # sealed by the vault
    totp_step: Mapped[int | None] = mapped_column(BigId)  # of the last code that was used
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(JSON)  # keyed hashes
    # From the city's own sign-in (OpenID Connect), as "issuer subject"; null: a local account.
    oidc_subject: Mapped[str | None] = mapped_column(String(255), unique=True)
    is_break_glass: Mapped[bool] = mapped_column(default=False)
    last_sign_in_at: Mapped[datetime | None]
    roles: Mapped[list[Role]] = relationship(  # type: ignore[assignment]
        secondary="staff_role", lazy="selectin"
    )

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
