"""Ballots in batches, and what suspicion looks at."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis.columns import Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("ballots", sa.Column("domain", sa.String(64)))
    op.add_column("ballots", sa.Column("network", sa.String(64)))
    op.create_table(
        "lanes",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("poll", sa.String(64), sa.ForeignKey("polls.id"), nullable=False),
        sa.Column("opened_at", Instant(), nullable=False),
        sa.Column("registered", sa.Boolean(), nullable=False),
        sa.Column("fenced_at", Instant()),
        sa.Column("last", sa.Integer()),
        sa.Column("proven", sa.Boolean()),
        sa.Column("forgotten", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_lanes_poll", "lanes", ["poll"])
    op.create_table(
        "batches",
        sa.Column("lane", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("ballots", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("lane", "number", name="one_effect_per_batch"),
    )


def downgrade() -> None:
    op.drop_table("batches")
    op.drop_index("ix_lanes_poll", "lanes")
    op.drop_table("lanes")
    with op.batch_alter_table("ballots") as ballots:
        ballots.drop_column("network")
        ballots.drop_column("domain")
