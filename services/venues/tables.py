"""The tables of venues. A constraint, not a check, keeps two teams off one seat (RULES P2)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.columns import Instant, Json, Key

STANDING = "status IN ('confirmed', 'handed_over', 'returned')"


class Base(DeclarativeBase):
    """The tables of this service."""


class Call(Base):
    """The call for premises of one marathon: open from its mobilisation on."""

    __tablename__ = "calls"

    marathon: Mapped[str] = mapped_column(String(128), primary_key=True)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class Premises(Base):
    """Premises of an owner: what a team finds there, and when they are free (RULES P1)."""

    __tablename__ = "premises"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    owner_key: Mapped[str] = mapped_column(Key, index=True)
    owner_siren: Mapped[str | None] = mapped_column(String(9))
    contact: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """Name, e-mail, telephone: for the organiser and the owner alone; null once erased."""

    title: Mapped[str] = mapped_column(String(200))
    house_number: Mapped[str] = mapped_column(String(20))
    street: Mapped[str] = mapped_column(String(200))
    postal_code: Mapped[str] = mapped_column(String(5))
    insee: Mapped[str] = mapped_column(String(5))
    commune: Mapped[str] = mapped_column(String(100))
    surface_m2: Mapped[int] = mapped_column(Integer)
    capacity: Mapped[int] = mapped_column(Integer)
    ground_floor: Mapped[bool] = mapped_column()
    step_free: Mapped[str] = mapped_column(String(6))
    power: Mapped[bool] = mapped_column()
    water: Mapped[bool] = mapped_column()
    toilets: Mapped[bool] = mapped_column()
    heating: Mapped[bool] = mapped_column()
    internet: Mapped[bool] = mapped_column()
    shop_window: Mapped[bool] = mapped_column()
    activities: Mapped[list[str]] = mapped_column(Json)
    """What the owner accepts; empty: anything."""

    available: Mapped[list[dict[str, str]]] = mapped_column(Json)
    """Half-open intervals ``[from_at, to_at)``."""


class Offer(Base):
    """Premises offered for one marathon: offered → approved | refused, withdrawn."""

    __tablename__ = "offers"
    __table_args__ = (UniqueConstraint("marathon", "premises", name="one_offer_per_marathon"),)

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(String(128), index=True)
    premises: Mapped[str] = mapped_column(ForeignKey("premises.id"))
    state: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    offered_at: Mapped[datetime] = mapped_column(Instant)
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    decided_by: Mapped[str | None] = mapped_column(Key)


class Allocation(Base):
    """A team's seat: proposed → confirmed → handed_over → returned → released (RULES P2)."""

    __tablename__ = "allocations"
    __table_args__ = (
        # A team has one seat that stands, and any number that were proposed or given up.
        Index(
            "one_seat_per_team",
            "project",
            unique=True,
            postgresql_where=text(STANDING),
            sqlite_where=text(STANDING),
        ),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(String(128), index=True)
    project: Mapped[str] = mapped_column(String(128))
    offer: Mapped[str] = mapped_column(ForeignKey("offers.id"))
    premises: Mapped[str] = mapped_column(ForeignKey("premises.id"), index=True)
    seat: Mapped[int] = mapped_column(Integer)
    from_at: Mapped[datetime] = mapped_column(Instant)
    to_at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(Text)
    misfits: Mapped[list[str]] = mapped_column(Json)
    """What no longer fits since it was confirmed: the organiser decides."""

    held: Mapped[bool] = mapped_column(default=False)
    """Kept after the closing, because a prize is tied to the premises."""

    keys_out_at: Mapped[datetime | None] = mapped_column(Instant)
    keys_out_by: Mapped[str | None] = mapped_column(Key)
    keys_back_at: Mapped[datetime | None] = mapped_column(Instant)
    keys_back_by: Mapped[str | None] = mapped_column(Key)


class Occupied(Base):
    """A quarter of an hour in which a seat is taken.

    SQLite has no exclusion constraint over intervals, and two mechanisms would have to be
    proven equal: a row per quarter with a primary key says the same on both databases. An
    interval is widened to whole quarters, so half-open intervals that meet on one don't clash.
    36 hours are 144 short rows, gone when the seat is released.
    """

    __tablename__ = "occupied"
    __table_args__ = (PrimaryKeyConstraint("premises", "seat", "quarter", name="one_team_a_seat"),)

    premises: Mapped[str] = mapped_column(ForeignKey("premises.id"))
    seat: Mapped[int] = mapped_column(Integer)
    quarter: Mapped[int] = mapped_column(Integer)
    allocation: Mapped[str] = mapped_column(ForeignKey("allocations.id"), index=True)
