"""A source: one CMS that may post articles."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId, utcnow

DEFAULT_HOLD_S = 180  # an editor notices most mistakes in the first three minutes
MAX_HOLD_S = 1800
DEFAULT_RATE = 600  # requests a minute; most senders lose what is refused


class Source(Base):
    """Its preset maps payloads, its secret proves who posts, its hold delays what goes out."""

    __tablename__ = "source"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    preset: Mapped[str] = mapped_column(String(64), default="tellal")
    scheme: Mapped[str] = mapped_column(String(32), default="standard")
    sealed_secret: Mapped[str]
    sealed_previous_secret: Mapped[str | None]
    previous_until: Mapped[datetime | None]
    last_matched: Mapped[str] = mapped_column(String(16), default="")  # current or previous
    # TYPO3: that of the webhook. Contentful: the path that it posts to, where a proxy rewrites it.
    identifier: Mapped[str] = mapped_column(String(255), default="")
    base_url: Mapped[str] = mapped_column(default="")  # of the site, for relative addresses
    api_url: Mapped[str] = mapped_column(default="")  # of the CMS, for what an event leaves out
    sealed_token: Mapped[str | None]  # read-only, for the API alone
    rate_per_minute: Mapped[int] = mapped_column(default=DEFAULT_RATE)
    hold_s: Mapped[int] = mapped_column(default=DEFAULT_HOLD_S)
    hosts: Mapped[list[str]] = mapped_column(JSON, default=list)
    timezone: Mapped[str] = mapped_column(String(64), default="Europe/Istanbul")
    may_send_urgent: Mapped[bool] = mapped_column(default=False)
    is_paused: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(default=utcnow)
