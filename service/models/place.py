"""Places (districts), and the labels that say which revision is about which place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.db import Base, BigId
from service.models.topic import LabelOrigin


class Place(Base):
    """A district of the city; a revision without one concerns the whole city.

    `aliases` and `neighbourhoods` are those of config/places.yaml where they are null. One that is
    not `is_on` is found in no text and offered to nobody; who asked for it before keeps it.
    """

    __tablename__ = "place"

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str]
    position: Mapped[int] = mapped_column(default=0)
    aliases: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    neighbourhoods: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    is_on: Mapped[bool] = mapped_column(default=True)


class PlaceLabel(Base):
    """A revision's place, with the words that named it."""

    __tablename__ = "place_label"
    __table_args__ = (Index("ix_place_label_place_id_revision_id", "place_id", "revision_id"),)

    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), primary_key=True)
    place_id: Mapped[int] = mapped_column(ForeignKey("place.id"), primary_key=True)
    origin: Mapped[LabelOrigin] = mapped_column(String(16))
    evidence: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
