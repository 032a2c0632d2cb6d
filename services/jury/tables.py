"""The tables of the jury. Cards, deliberations and editions are only ever added (RULES J7)."""

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

MarathonId = String(128)
ProjectId = String(128)


class Base(DeclarativeBase):
    """The tables of this service."""


class Panel(Base):
    """The jury of one marathon."""

    __tablename__ = "panels"
    __table_args__ = (UniqueConstraint("marathon", name="one_panel_per_marathon"),)

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(MarathonId)
    status: Mapped[str] = mapped_column(String(16))
    """draft → convened → sealed; dissolved from either of the first two."""

    drafted_at: Mapped[datetime] = mapped_column(Instant)
    convened_at: Mapped[datetime | None] = mapped_column(Instant)
    told: Mapped[dict[str, Any] | None] = mapped_column(Json)
    """The state last said, so that it is said again when, and only when, it has changed."""


class Grid(Base):
    """What a panel's cards are made of, and how they make a ranking."""

    __tablename__ = "grids"

    panel: Mapped[str] = mapped_column(ForeignKey("panels.id"), primary_key=True)
    criteria: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """``[{id, label, weight, scale_max, required}]``; the weight is text, to stay exact."""

    method: Mapped[str] = mapped_column(String(16))
    normalised: Mapped[bool] = mapped_column()
    tie_breaks: Mapped[list[str]] = mapped_column(Json)
    locked_at: Mapped[datetime | None] = mapped_column(Instant)
    """When the first card came in: nothing above changes any more (RULES J1)."""


class Scorecard(Base):
    """One version of one juror's card for one project."""

    __tablename__ = "scorecards"
    __table_args__ = (
        UniqueConstraint("panel", "juror_key", "project", "version", name="one_card_per_version"),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    panel: Mapped[str] = mapped_column(ForeignKey("panels.id"))
    juror_key: Mapped[str] = mapped_column(Key)
    project: Mapped[str] = mapped_column(ProjectId)
    version: Mapped[int] = mapped_column(Integer)
    abstained: Mapped[bool] = mapped_column()
    values: Mapped[dict[str, str]] = mapped_column(Json)
    """By criterion, as text, to stay exact."""

    comment: Mapped[str] = mapped_column(Text)
    submitted_at: Mapped[datetime] = mapped_column(Instant)


class Recusal(Base):
    """A juror who may not score a project, from ``since`` until ``ended_at`` if ever."""

    __tablename__ = "recusals"
    __table_args__ = (
        # A conflict that was found, went away and came back is two rows: the table is the log.
        Index(
            "one_open_recusal_per_cause",
            "panel",
            "juror_key",
            "project",
            "cause",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
            sqlite_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    panel: Mapped[str] = mapped_column(ForeignKey("panels.id"))
    juror_key: Mapped[str] = mapped_column(Key)
    project: Mapped[str] = mapped_column(ProjectId)
    cause: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text)
    by_key: Mapped[str | None] = mapped_column(Key)
    """Who declared it; nobody for a conflict that was found."""

    since: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant)


class Progress(Base):
    """What was last said of a project's cards."""

    __tablename__ = "progress"
    __table_args__ = (PrimaryKeyConstraint("panel", "project", name="one_progress_per_project"),)

    panel: Mapped[str] = mapped_column(ForeignKey("panels.id"))
    project: Mapped[str] = mapped_column(ProjectId)
    cards_in: Mapped[int] = mapped_column(Integer)
    cards_expected: Mapped[int] = mapped_column(Integer)


class Deliberation(Base):
    """What the jury decided beside the ranking; the highest number holds."""

    __tablename__ = "deliberations"
    __table_args__ = (PrimaryKeyConstraint("panel", "number", name="one_deliberation_per_number"),)

    panel: Mapped[str] = mapped_column(ForeignKey("panels.id"))
    number: Mapped[int] = mapped_column(Integer)
    placements: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    """``[{project, rank, reason}]``"""

    reason: Mapped[str] = mapped_column(Text)
    by_key: Mapped[str | None] = mapped_column(Key)
    at: Mapped[datetime] = mapped_column(Instant)


class Prize(Base):
    """A prize of a marathon."""

    __tablename__ = "prizes"

    id: Mapped[str] = mapped_column(Key, primary_key=True)
    marathon: Mapped[str] = mapped_column(MarathonId, index=True)
    number: Mapped[int] = mapped_column(Integer)
    """Its place in the list of prizes."""

    kind: Mapped[str] = mapped_column(String(16))
    title: Mapped[str] = mapped_column(String(200))
    quantity: Mapped[int] = mapped_column(Integer)
    donor: Mapped[str] = mapped_column(String(200))
    cap_eur: Mapped[int | None] = mapped_column(Integer)
    premises: Mapped[str | None] = mapped_column(String(128))
    condition: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    exclusive: Mapped[bool] = mapped_column()
    added_at: Mapped[datetime] = mapped_column(Instant)


class Award(Base):
    """To whom the jury gives a prize; a draft until the palmarès is published."""

    __tablename__ = "awards"

    prize: Mapped[str] = mapped_column(ForeignKey("prizes.id"), primary_key=True)
    project: Mapped[str] = mapped_column(ProjectId)
    by_key: Mapped[str | None] = mapped_column(Key)
    at: Mapped[datetime] = mapped_column(Instant)


class Edition(Base):
    """One published edition of a panel's palmarès, and what it was made from."""

    __tablename__ = "editions"
    __table_args__ = (PrimaryKeyConstraint("panel", "number", name="one_edition_per_number"),)

    panel: Mapped[str] = mapped_column(ForeignKey("panels.id"))
    number: Mapped[int] = mapped_column(Integer)
    palmares: Mapped[str] = mapped_column(Key)
    """The palmarès' id: the same in all its editions."""

    digest: Mapped[str] = mapped_column(Key)
    document: Mapped[dict[str, Any]] = mapped_column(Json)
    """What was published, as it was digested."""

    record: Mapped[dict[str, Any]] = mapped_column(Json)
    """Who could score whom, the ranking before and after the deliberation: not published."""

    reason: Mapped[str | None] = mapped_column(Text)
    by_key: Mapped[str | None] = mapped_column(Key)
    published_at: Mapped[datetime] = mapped_column(Instant)
