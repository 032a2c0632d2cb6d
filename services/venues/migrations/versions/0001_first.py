"""The first tables of venues."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant, Json
from services.chassis.migrations import create_chassis_tables_v1, drop_chassis_tables_v1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_chassis_tables_v1()
    _create_premises()
    _create_offers()
    _create_allocations()


def downgrade() -> None:
    for table in ("occupied", "allocations", "offers", "premises", "calls"):
        op.drop_table(table)
    drop_chassis_tables_v1()


def _create_premises() -> None:
    op.create_table(
        "premises",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("owner_key", sa.String(length=64), nullable=False),
        sa.Column("owner_siren", sa.String(length=9), nullable=True),
        sa.Column(
            "contact",
            Json,
            nullable=True,
        ),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("house_number", sa.String(length=20), nullable=False),
        sa.Column("street", sa.String(length=200), nullable=False),
        sa.Column("postal_code", sa.String(length=5), nullable=False),
        sa.Column("insee", sa.String(length=5), nullable=False),
        sa.Column("commune", sa.String(length=100), nullable=False),
        sa.Column("surface_m2", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("ground_floor", sa.Boolean(), nullable=False),
        sa.Column("step_free", sa.String(length=6), nullable=False),
        sa.Column("power", sa.Boolean(), nullable=False),
        sa.Column("water", sa.Boolean(), nullable=False),
        sa.Column("toilets", sa.Boolean(), nullable=False),
        sa.Column("heating", sa.Boolean(), nullable=False),
        sa.Column("internet", sa.Boolean(), nullable=False),
        sa.Column("shop_window", sa.Boolean(), nullable=False),
        sa.Column(
            "activities",
            Json,
            nullable=False,
        ),
        sa.Column(
            "available",
            Json,
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_premises_owner_key", "premises", ["owner_key"])


def _create_offers() -> None:
    op.create_table(
        "calls",
        sa.Column("marathon", sa.String(length=128), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("marathon"),
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("marathon", sa.String(length=128), nullable=False),
        sa.Column("premises", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("offered_at", Instant(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["premises"],
            ["premises.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("marathon", "premises", name="one_offer_per_marathon"),
    )
    op.create_index("ix_offers_marathon", "offers", ["marathon"])


def _create_allocations() -> None:
    op.create_table(
        "allocations",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("marathon", sa.String(length=128), nullable=False),
        sa.Column("project", sa.String(length=128), nullable=False),
        sa.Column("offer", sa.String(length=64), nullable=False),
        sa.Column("premises", sa.String(length=64), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("from_at", Instant(), nullable=False),
        sa.Column("to_at", Instant(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "misfits",
            Json,
            nullable=False,
        ),
        sa.Column("held", sa.Boolean(), nullable=False),
        sa.Column("keys_out_at", Instant(), nullable=True),
        sa.Column("keys_out_by", sa.String(length=64), nullable=True),
        sa.Column("keys_back_at", Instant(), nullable=True),
        sa.Column("keys_back_by", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["offer"],
            ["offers.id"],
        ),
        sa.ForeignKeyConstraint(
            ["premises"],
            ["premises.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_allocations_marathon", "allocations", ["marathon"])
    op.create_index("ix_allocations_premises", "allocations", ["premises"])
    op.create_index(
        "one_seat_per_team",
        "allocations",
        ["project"],
        unique=True,
        postgresql_where=sa.text("status IN ('confirmed', 'handed_over', 'returned')"),
        sqlite_where=sa.text("status IN ('confirmed', 'handed_over', 'returned')"),
    )
    op.create_table(
        "occupied",
        sa.Column("premises", sa.String(length=64), nullable=False),
        sa.Column("seat", sa.Integer(), nullable=False),
        sa.Column("quarter", sa.Integer(), nullable=False),
        sa.Column("allocation", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["allocation"],
            ["allocations.id"],
        ),
        sa.ForeignKeyConstraint(
            ["premises"],
            ["premises.id"],
        ),
        sa.PrimaryKeyConstraint("premises", "seat", "quarter", name="one_team_a_seat"),
    )
    op.create_index("ix_occupied_allocation", "occupied", ["allocation"])
