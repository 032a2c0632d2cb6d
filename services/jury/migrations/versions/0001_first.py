"""The first tables of the jury."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant, Json
from services.chassis.migrations import create_chassis_tables_v1, drop_chassis_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    "editions",
    "awards",
    "prizes",
    "deliberations",
    "progress",
    "recusals",
    "scorecards",
    "grids",
    "panels",
)


def upgrade() -> None:
    create_chassis_tables_v1()
    _create_panels()
    _create_scorecards()
    _create_recusals()
    _create_deliberations()
    _create_prizes()
    _create_editions()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    drop_chassis_tables_v1()


def _create_panels() -> None:
    op.create_table(
        "panels",
        _text("id", primary_key=True),
        _text("marathon", 128),
        _text("status", 16),
        sa.Column("drafted_at", Instant(), nullable=False),
        sa.Column("convened_at", Instant()),
        sa.Column("told", Json),
        sa.UniqueConstraint("marathon", name="one_panel_per_marathon"),
    )
    op.create_table(
        "grids",
        _panel(primary_key=True),
        sa.Column("criteria", Json, nullable=False),
        _text("method", 16),
        sa.Column("normalised", sa.Boolean(), nullable=False),
        sa.Column("tie_breaks", Json, nullable=False),
        sa.Column("locked_at", Instant()),
    )


def _create_scorecards() -> None:
    op.create_table(
        "scorecards",
        _text("id", primary_key=True),
        _panel(),
        _text("juror_key"),
        _text("project", 128),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("abstained", sa.Boolean(), nullable=False),
        sa.Column("values", Json, nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=False),
        sa.UniqueConstraint(
            "panel", "juror_key", "project", "version", name="one_card_per_version"
        ),
    )
    op.create_table(
        "progress",
        _panel(),
        _text("project", 128),
        sa.Column("cards_in", sa.Integer(), nullable=False),
        sa.Column("cards_expected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("panel", "project", name="one_progress_per_project"),
    )


def _create_recusals() -> None:
    op.create_table(
        "recusals",
        _text("id", primary_key=True),
        _panel(),
        _text("juror_key"),
        _text("project", 128),
        _text("cause", 16),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_key", sa.String(64)),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("ended_at", Instant()),
    )
    op.create_index(
        "one_open_recusal_per_cause",
        "recusals",
        ["panel", "juror_key", "project", "cause"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
        sqlite_where=sa.text("ended_at IS NULL"),
    )


def _create_deliberations() -> None:
    op.create_table(
        "deliberations",
        _panel(),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("placements", Json, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("by_key", sa.String(64)),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("panel", "number", name="one_deliberation_per_number"),
    )


def _create_prizes() -> None:
    op.create_table(
        "prizes",
        _text("id", primary_key=True),
        _text("marathon", 128),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("kind", 16),
        _text("title", 200),
        sa.Column("quantity", sa.Integer(), nullable=False),
        _text("donor", 200),
        sa.Column("cap_eur", sa.Integer()),
        sa.Column("premises", sa.String(128)),
        sa.Column("condition", sa.Text()),
        sa.Column("expires_at", Instant()),
        sa.Column("exclusive", sa.Boolean(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
    )
    op.create_index("ix_prizes_marathon", "prizes", ["marathon"])
    op.create_table(
        "awards",
        sa.Column("prize", sa.String(64), sa.ForeignKey("prizes.id"), primary_key=True),
        _text("project", 128),
        sa.Column("by_key", sa.String(64)),
        sa.Column("at", Instant(), nullable=False),
    )


def _create_editions() -> None:
    op.create_table(
        "editions",
        _panel(),
        sa.Column("number", sa.Integer(), nullable=False),
        _text("palmares"),
        _text("digest"),
        sa.Column("document", Json, nullable=False),
        sa.Column("record", Json, nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("by_key", sa.String(64)),
        sa.Column("published_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("panel", "number", name="one_edition_per_number"),
    )


def _text(name: str, length: int = 64, primary_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), primary_key=primary_key, nullable=False)


def _panel(primary_key: bool = False) -> sa.Column[str]:
    key = sa.ForeignKey("panels.id")
    return sa.Column("panel", sa.String(64), key, primary_key=primary_key, nullable=False)
