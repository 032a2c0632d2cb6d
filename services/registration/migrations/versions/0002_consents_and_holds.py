"""Consents, holds of the purge, and when somebody was last seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from services.chassis import columns

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "consents",
        sa.Column("person_key", sa.String(64), sa.ForeignKey("persons.key"), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("given", sa.Boolean, nullable=False),
        sa.Column("at", columns.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("person_key", "kind", "number", name="one_consent_at_a_time"),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("marathon", sa.String(128), sa.ForeignKey("marathons.id"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("placed_at", columns.Instant(), nullable=False),
        sa.Column("placed_by", sa.String(64)),
        sa.Column("lifted_at", columns.Instant()),
        sa.Column("lifted_by", sa.String(64)),
    )
    op.create_index(
        *("one_hold_at_a_time", "holds", ["marathon"]),
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
        sqlite_where=sa.text("lifted_at IS NULL"),
    )
    op.add_column("persons", sa.Column("seen_at", columns.Instant()))
    op.add_column("marathons", sa.Column("purged_at", columns.Instant()))


def downgrade() -> None:
    op.drop_column("marathons", "purged_at")
    op.drop_column("persons", "seen_at")
    op.drop_table("holds")
    op.drop_table("consents")
